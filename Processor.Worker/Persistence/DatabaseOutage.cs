using Npgsql;

namespace Processor.Worker.Persistence;

/// <summary>
/// Retries writes that must succeed for as long as the database is unreachable, read-only, locked or full. When a write has been waiting
/// for longer than <see cref="Patience"/>, an outage begins: consumption pauses, and unacknowledged messages return to the queue.
/// </summary>
/// <remarks>
/// The write that detected the outage keeps retrying and so detects its end: its success is the only reliable proof that the database
/// accepts events again. Its message has returned to the queue in the meantime and is a duplicate when it is redelivered.
/// </remarks>
internal sealed partial class DatabaseOutage(NpgsqlDataSource database, TimeProvider time, ILogger<DatabaseOutage> logger) : IDisposable
{
    /// <summary>
    /// Long enough for a restart or failover of the database without returning messages, which costs each message a delivery; well below
    /// the <c>consumer_timeout</c> of the broker, which would close the channel.
    /// </summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private int _waitingForLong;
    private CancellationTokenSource _started = new();
    private TaskCompletionSource _ended = CompletedSource();

    /// <summary>True during an outage.</summary>
    public bool IsOn => Started.IsCancellationRequested;

    /// <summary>Cancelled during an outage.</summary>
    public CancellationToken Started
    {
        get
        {
            lock (_lock)
            {
                return _started.Token;
            }
        }
    }

    /// <summary>Returns when an outage begins; at once during one.</summary>
    public async Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = Started.Register(started.SetResult);
        await started.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Returns when there is no outage.</summary>
    public Task WaitForEndAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            return _ended.Task.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Retries a write until it succeeds.</summary>
    /// <param name="write">Must be safe to repeat, even when it is unknown whether it was committed.</param>
    /// <exception cref="Exception">The fault is not transient: the write can never succeed.</exception>
    public async Task<T> OutlastAsync<T>(Func<Task<T>> write, CancellationToken cancellationToken)
    {
        var isLong = false;
        using var patience = new CancellationTokenSource(Patience, time);
        var beginning = patience.Token.Register(() =>
        {
            isLong = true;
            Begin();
        });
        try
        {
            return await RepeatAsync(write, cancellationToken);
        }
        finally
        {
            // Waits for a callback that is running at this moment.
            await beginning.DisposeAsync();
            if (isLong)
            {
                End();
            }
        }
    }

    public void Dispose() => _started.Dispose();

    private async Task<T> RepeatAsync<T>(Func<Task<T>> write, CancellationToken cancellationToken)
    {
        var isRetried = false;
        for (var pause = FirstPause; ; pause = Pauses.Double(pause, LongestPause))
        {
            try
            {
                return await write();
            }
            catch (Exception exception) when (!isRetried && DatabaseFault.IsOutOfStep(exception))
            {
                // On another connection, and once: a message that caused it itself would stop all others.
                isRetried = true;
            }
            catch (Exception exception) when (DatabaseFault.IsTransient(exception))
            {
                var over = Task.Delay(pause, time, cancellationToken);
                // A pooled connection to a former primary would fail the same way on every attempt.
                database.Clear();
                LogRefused(logger, exception, pause);
                await over;
            }
        }
    }

    private void Begin()
    {
        CancellationTokenSource begun;
        lock (_lock)
        {
            if (++_waitingForLong > 1)
            {
                return;
            }

            _ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            begun = _started;
        }

        LogBegun(logger);
        begun.Cancel();
    }

    private void End()
    {
        lock (_lock)
        {
            if (--_waitingForLong > 0)
            {
                return;
            }

            _started = new CancellationTokenSource();
            _ended.SetResult();
        }

        LogEnded(logger);
    }

    private static TaskCompletionSource CompletedSource()
    {
        var source = new TaskCompletionSource();
        source.SetResult();
        return source;
    }

    [LoggerMessage(LogLevel.Warning, "The database does not accept consumed messages; retrying in {Pause}")]
    private static partial void LogRefused(ILogger logger, Exception exception, TimeSpan pause);

    [LoggerMessage(LogLevel.Warning, "The database is unavailable: consumption pauses, and unacknowledged messages return to the queue")]
    private static partial void LogBegun(ILogger logger);

    [LoggerMessage(LogLevel.Information, "The database is back")]
    private static partial void LogEnded(ILogger logger);
}
