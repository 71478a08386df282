using Npgsql;
using Processor.Worker.Persistence;

namespace Processor.Worker.Inbox;

/// <summary>
/// Detects a process that has work and a working database but makes no progress: only a restart helps. A database outage of any length is
/// not such a case, since rejected writes are retried, and that counts as progress.
/// </summary>
internal sealed class CommitWatchdog(GroupCommitter committer, DatabaseOutage outage, NpgsqlDataSource database, TimeProvider time)
{
    /// <summary>
    /// A message takes milliseconds. This is longer than any wait that ends on its own: 5 s for a lock, 15 s for a connection, 30 s for a
    /// command, and an attempt to commit has only a few of these.
    /// </summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(2);

    private int _inWork;
    private long _movedAt;

    /// <summary>A message starts.</summary>
    public void Begin()
    {
        if (Volatile.Read(ref _inWork) == 0)
        {
            Volatile.Write(ref _movedAt, time.GetTimestamp());
        }

        Interlocked.Increment(ref _inWork);
    }

    /// <summary>A message is finished, whatever its outcome.</summary>
    public void End()
    {
        Volatile.Write(ref _movedAt, time.GetTimestamp());
        Interlocked.Decrement(ref _inWork);
    }

    /// <summary>True when nothing has progressed for longer than <see cref="Patience"/> although the database answers.</summary>
    public async Task<bool> IsStuckAsync(CancellationToken cancellationToken) =>
        (committer.AttemptAge >= Patience || StandsStill()) && await DatabaseAnswersAsync(cancellationToken);

    // During an outage, unacknowledged messages return to the queue and no new ones arrive.
    private bool StandsStill() =>
        Volatile.Read(ref _inWork) > 0 && !outage.IsOn && time.GetElapsedTime(Volatile.Read(ref _movedAt)) >= Patience;

    private async Task<bool> DatabaseAnswersAsync(CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(ProbeTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            await using var connection = await database.OpenAsync(either.Token);
            await using var command = new NpgsqlCommand("select 1", connection);
            await command.ExecuteScalarAsync(either.Token);
            return true;
        }
        catch (Exception exception) when (exception is OperationCanceledException || DatabaseFault.IsTransient(exception))
        {
            return false;
        }
    }
}
