using Npgsql;
using Processor.Worker.Persistence;

namespace Processor.Worker.Inbox;

/// <summary>
/// Writes that must get through wait here until they do, however long the database is away, read-only, locked or full. When one waits
/// for long, the outage has begun: consumption pauses, and what is in work goes back to the queue.
/// </summary>
/// <remarks>
/// The write that met the outage goes on being tried, and so finds its end: nothing else tells as truly that the database takes what is
/// consumed. Its message has gone back to the queue meanwhile, and is a duplicate when it returns.
/// </remarks>
internal sealed partial class DatabaseOutage(NpgsqlDataSource database, TimeProvider time, ILogger<DatabaseOutage> logger) : IDisposable
{
    /// <summary>
    /// Long enough for a restart or a fail-over of the database to pass without giving anything back, which costs each message a
    /// delivery; short against the broker's <c>consumer_timeout</c>, which would close the channel.
    /// </summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private int _waitingForLong;
    private CancellationTokenSource _begun = new();
    private TaskCompletionSource _ended = CompletedSource();

    /// <summary>There is an outage.</summary>
    public bool IsOn => Begun.IsCancellationRequested;

    /// <summary>Cancelled while there is an outage.</summary>
    public CancellationToken Begun
    {
        get
        {
            lock (_lock)
            {
                return _begun.Token;
            }
        }
    }

    /// <summary>Returns when there is an outage.</summary>
    public async Task WaitForBeginAsync(CancellationToken cancellationToken)
    {
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = Begun.Register(begun.SetResult);
        await begun.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Returns when there is no outage.</summary>
    public Task WaitForEndAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            return _ended.Task.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Tries a write until it gets through.</summary>
    /// <param name="write">Safe to repeat, also when it is unknown whether it was committed.</param>
    /// <exception cref="Exception">What is no fault of the database: the write can never succeed.</exception>
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
            // Waits for a beginning that runs at this moment.
            await beginning.DisposeAsync();
            if (isLong)
            {
                End();
            }
        }
    }

    public void Dispose() => _begun.Dispose();

    private async Task<T> RepeatAsync<T>(Func<Task<T>> write, CancellationToken cancellationToken)
    {
        for (var pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            try
            {
                return await write();
            }
            catch (Exception exception) when (DatabaseFault.IsTransient(exception))
            {
                var over = Task.Delay(pause, time, cancellationToken);
                // A connection to a server that is no longer the primary would say so for ever.
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
            begun = _begun;
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

            _begun = new CancellationTokenSource();
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

    [LoggerMessage(LogLevel.Warning, "The database does not take what was consumed; trying again in {Pause}")]
    private static partial void LogRefused(ILogger logger, Exception exception, TimeSpan pause);

    [LoggerMessage(LogLevel.Warning, "The database is away: consumption pauses, and what is in work goes back to the queue")]
    private static partial void LogBegun(ILogger logger);

    [LoggerMessage(LogLevel.Information, "The database is back")]
    private static partial void LogEnded(ILogger logger);
}
