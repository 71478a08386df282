using System.Threading.Channels;

namespace Processor.Worker.Inbox;

/// <summary>
/// Commits the units of all messages in work together: whatever waits when the committer is free is the next group. There is no
/// artificial delay, so a lone message does not wait for company, and the group grows with the load by itself.
/// </summary>
internal sealed partial class GroupCommitter(
    GroupTransaction transaction, DatabaseOutage outage, ProcessorMetrics metrics, TimeProvider time, ILogger<GroupCommitter> logger)
    : BackgroundService
{
    private readonly Channel<UnitOfWork> _waiting = Channel.CreateUnbounded<UnitOfWork>(new() { SingleReader = true });
    private readonly List<UnitOfWork> _deferred = [];
    private int _unitsWaiting;
    private long _oldestUnitAt;
    private long _attemptAt;

    /// <summary>Handed over and not committed yet.</summary>
    public int UnitsWaiting => Volatile.Read(ref _unitsWaiting);

    /// <summary>How long the oldest of them has been waiting; zero when there is none.</summary>
    public TimeSpan OldestUnitAge => Age(ref _oldestUnitAt);

    /// <summary>How long the running attempt to commit a group has taken so far; zero when none is running.</summary>
    public TimeSpan AttemptAge => Age(ref _attemptAt);

    /// <summary>Returns when the unit is committed.</summary>
    /// <exception cref="OperationCanceledException">The database is away; the message goes back to the queue.</exception>
    /// <exception cref="Exception">The unit can never be committed, whatever happens: the message is poison.</exception>
    public Task<CommitOutcome> CommitAsync(UnitOfWork unit)
    {
        var away = outage.Begun;
        if (!away.IsCancellationRequested)
        {
            unit.HandedOverAt = time.GetTimestamp();
            Interlocked.Increment(ref _unitsWaiting);
            _waiting.Writer.TryWrite(unit);
        }

        return unit.Committed.WaitAsync(away);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (_deferred.Count > 0 || await _waiting.Reader.WaitToReadAsync(stoppingToken))
        {
            var group = TakeGroup();
            // Units come in the order in which they were handed over.
            Volatile.Write(ref _oldestUnitAt, group[0].HandedOverAt);
            await CommitGroupAsync(group, stoppingToken);
            Interlocked.Add(ref _unitsWaiting, -group.Count);
            Volatile.Write(ref _oldestUnitAt, 0);
        }
    }

    /// <summary>Everything that waits, except a second unit of the same message: that waits for the next group.</summary>
    private List<UnitOfWork> TakeGroup()
    {
        var group = new List<UnitOfWork>();
        var ids = new HashSet<Guid>();
        UnitOfWork[] again = [.. _deferred];
        _deferred.Clear();
        foreach (var unit in again)
        {
            Take(unit);
        }

        while (_waiting.Reader.TryRead(out var unit))
        {
            Take(unit);
        }

        return group;

        void Take(UnitOfWork unit) => (ids.Add(unit.MessageId) ? group : _deferred).Add(unit);
    }

    private async Task CommitGroupAsync(List<UnitOfWork> group, CancellationToken stoppingToken)
    {
        try
        {
            var outcomes = await outage.OutlastAsync(() => CommitOnceAsync(group, stoppingToken), stoppingToken);
            for (var i = 0; i < group.Count; i++)
            {
                group[i].Complete(outcomes[i]);
            }
        }
        catch (Exception exception) when (exception is not OperationCanceledException && group.Count == 1)
        {
            group[0].Fail(exception);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            LogSplit(logger, exception, group.Count);
            foreach (var unit in group)
            {
                await CommitGroupAsync([unit], stoppingToken);
            }
        }
    }

    private async Task<IReadOnlyList<CommitOutcome>> CommitOnceAsync(List<UnitOfWork> group, CancellationToken stoppingToken)
    {
        using var activity = ProcessorTraces.StartGroupCommit(group);
        var started = time.GetTimestamp();
        Volatile.Write(ref _attemptAt, started);
        try
        {
            var outcomes = await transaction.CommitAsync(group, stoppingToken);
            metrics.GroupCommitted(group, outcomes, time.GetElapsedTime(started), time.GetUtcNow());
            return outcomes;
        }
        catch (Exception exception)
        {
            ProcessorTraces.Failed(activity, exception);
            throw;
        }
        finally
        {
            Volatile.Write(ref _attemptAt, 0);
        }
    }

    // No timestamp is 0: it stands for none.
    private TimeSpan Age(ref long timestamp) => Volatile.Read(ref timestamp) is var since and not 0 ? time.GetElapsedTime(since) : TimeSpan.Zero;

    [LoggerMessage(LogLevel.Warning, "A group of {Units} units failed as a whole; committing them one by one")]
    private static partial void LogSplit(ILogger logger, Exception exception, int units);
}
