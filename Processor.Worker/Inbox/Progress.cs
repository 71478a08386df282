using Npgsql;

namespace Processor.Worker.Inbox;

/// <summary>
/// Knows when this process has work, could do it and does not: what only a restart helps. An outage of the database is no such thing,
/// however long it is: what it refuses is tried again and again, and that is progress.
/// </summary>
internal sealed class Progress(GroupCommitter committer, DatabaseOutage outage, NpgsqlDataSource database, TimeProvider time)
{
    /// <summary>
    /// A message is done within milliseconds. Longer than any wait that ends by itself: 5 s for a lock, 15 s for a connection, 30 s for a
    /// command, of which an attempt to commit has few.
    /// </summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(2);

    private int _inWork;
    private long _movedAt;

    /// <summary>A message is in work.</summary>
    public void Begin()
    {
        if (Volatile.Read(ref _inWork) == 0)
        {
            Volatile.Write(ref _movedAt, time.GetTimestamp());
        }

        Interlocked.Increment(ref _inWork);
    }

    /// <summary>It no longer is, whatever became of it.</summary>
    public void End()
    {
        Volatile.Write(ref _movedAt, time.GetTimestamp());
        Interlocked.Decrement(ref _inWork);
    }

    /// <summary>Nothing has moved for too long, and the database answers.</summary>
    public async Task<bool> IsStuckAsync(CancellationToken cancellationToken) =>
        (committer.AttemptAge >= Patience || StandsStill()) && await DatabaseAnswersAsync(cancellationToken);

    // In an outage what is in work goes back to the queue, and nothing more comes.
    private bool StandsStill() =>
        Volatile.Read(ref _inWork) > 0 && !outage.IsOn && time.GetElapsedTime(Volatile.Read(ref _movedAt)) >= Patience;

    private async Task<bool> DatabaseAnswersAsync(CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(ProbeTimeout);
        try
        {
            await using var command = database.CreateCommand("select 1");
            await command.ExecuteScalarAsync(timeout.Token);
            return true;
        }
        catch (Exception exception) when (exception is NpgsqlException or OperationCanceledException)
        {
            return false;
        }
    }
}
