namespace Processor.Worker.Inbox;

/// <summary>
/// Limits the bytes of messages in flight. The broker limits only their number (prefetch), whatever their size. Above the limit the
/// connection is not read (<see cref="BudgetedStream"/>), so further messages stay in the memory of the broker.
/// </summary>
/// <remarks>
/// A message larger than the whole budget is processed alone. The limit may be exceeded by one read of the connection, about 128 KiB.
/// </remarks>
internal sealed class DeliveryBudget(ConsumerLimits limits, TimeProvider time)
{
    /// <summary>
    /// Copies of a message in memory while it is in flight: the client's buffer (a power of two, up to twice the message), the copy that
    /// MassTransit keeps, the body without base64, and the parsed content, written again for three tables, where JSON may escape one
    /// character with six.
    /// </summary>
    public const int Copies = 8;

    // Frames and properties around a body. An estimate that is too high is harmless: it counts only messages that are not dispatched yet.
    private const int Overhead = 1024;

    // After this time the connection is read once more, so that the client sees heartbeats while nothing can be settled, and a message
    // larger than the budget arrives. The client closes the connection after 20 s without a frame.
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(250);

    private readonly Lock _lock = new();
    private long _inFlight;
    private long _undispatched;
    private int _requests;
    private TaskCompletionSource? _room;

    /// <summary>Bytes that currently count against the budget.</summary>
    public long Used
    {
        get
        {
            lock (_lock)
            {
                return _inFlight + _undispatched;
            }
        }
    }

    /// <summary>A connection was opened: anything an earlier connection read will no longer be dispatched.</summary>
    public void Reset()
    {
        lock (_lock)
        {
            _undispatched = 0;
            ReleaseIfRoom();
        }
    }

    /// <summary>Returns when the budget has room, or after a pause.</summary>
    public async ValueTask WaitForRoomAsync(CancellationToken cancellationToken)
    {
        Task room;
        lock (_lock)
        {
            if (HasRoom)
            {
                return;
            }

            _room ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            room = _room.Task;
        }

        await room.WaitAsync(LongestPause, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!room.IsCompleted)
        {
            // By now everything that was read has been dispatched, or never will be because its consumer has stopped.
            Reset();
        }
    }

    /// <summary>Counts bytes read from the connection.</summary>
    public void Read(int bytes)
    {
        lock (_lock)
        {
            _undispatched += bytes;
        }
    }

    /// <summary>Counts a message in flight. Its bytes were counted as read before.</summary>
    public void Begin(long bytes)
    {
        lock (_lock)
        {
            _undispatched = Math.Max(0, _undispatched - bytes - Overhead);
            _inFlight += bytes;
            ReleaseIfRoom();
        }
    }

    /// <summary>Stops counting a message, whatever its outcome.</summary>
    public void End(long bytes)
    {
        lock (_lock)
        {
            _inFlight -= bytes;
            ReleaseIfRoom();
        }
    }

    /// <summary>
    /// Sends a request to the broker while a message is in flight, such as to confirm that it is parked. The reply arrives after messages
    /// the broker has already sent, so the connection is read without limit until then: otherwise the client gives up after 20 s.
    /// </summary>
    public async Task RequestAsync(Func<Task> request)
    {
        Count(1);
        try
        {
            await request();
        }
        finally
        {
            Count(-1);
        }

        void Count(int change)
        {
            lock (_lock)
            {
                _requests += change;
                ReleaseIfRoom();
            }
        }
    }

    private bool HasRoom => _requests > 0 || _inFlight + _undispatched <= limits.BytesInWork;

    private void ReleaseIfRoom()
    {
        if (_room is not null && HasRoom)
        {
            _room.SetResult();
            _room = null;
        }
    }
}
