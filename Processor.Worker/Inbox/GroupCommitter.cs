using System.Diagnostics;
using System.Threading.Channels;
using Processor.Worker.Jobs;
using Processor.Worker.Persistence;

namespace Processor.Worker.Inbox;

/// <summary>
/// Commits the units of all messages in flight together: the units that are waiting when the committer is free form the next group. There
/// is no artificial delay, so a single message is committed at once, and groups grow with the load.
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

    /// <summary>Units handed over and not committed yet.</summary>
    public int UnitsWaiting => Volatile.Read(ref _unitsWaiting);

    /// <summary>How long the oldest unit has been waiting; zero when there is none.</summary>
    public TimeSpan OldestUnitAge => Age(ref _oldestUnitAt);

    /// <summary>Duration so far of the current attempt to commit a group; zero between attempts.</summary>
    public TimeSpan AttemptAge => Age(ref _attemptAt);

    /// <summary>Returns when the unit is committed.</summary>
    /// <exception cref="OperationCanceledException">The database is unavailable; the message returns to the queue.</exception>
    /// <exception cref="NewerVersionException">
    /// A newer version wrote the state of the job; the message waits for a newer worker.
    /// </exception>
    /// <exception cref="Exception">The unit can never be committed: the message is poison.</exception>
    public Task<CommitResult> CommitAsync(UnitOfWork unit)
    {
        var outageStarted = outage.Started;
        if (!outageStarted.IsCancellationRequested)
        {
            unit.HandedOverAt = time.GetTimestamp();
            Interlocked.Increment(ref _unitsWaiting);
            _waiting.Writer.TryWrite(unit);
        }

        return unit.Committed.WaitAsync(outageStarted);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (_deferred.Count > 0 || await _waiting.Reader.WaitToReadAsync(stoppingToken))
        {
            var group = TakeGroup();
            // Units arrive in the order in which they were handed over.
            Volatile.Write(ref _oldestUnitAt, group[0].HandedOverAt);
            await CommitGroupAsync(group, stoppingToken);
            Interlocked.Add(ref _unitsWaiting, -group.Count);
            Volatile.Write(ref _oldestUnitAt, 0);
        }
    }

    /// <summary>
    /// All waiting units, except a second unit of the same message and units beyond the number of jobs one transaction can lock: these wait
    /// for the next group.
    /// </summary>
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

        while (group.Count < JobLock.MostJobs && _waiting.Reader.TryRead(out var unit))
        {
            Take(unit);
        }

        return group;

        void Take(UnitOfWork unit) => (group.Count < JobLock.MostJobs && ids.Add(unit.MessageId) ? group : _deferred).Add(unit);
    }

    private async Task CommitGroupAsync(List<UnitOfWork> group, CancellationToken stoppingToken)
    {
        try
        {
            var (plan, span) = await outage.OutlastAsync(() => CommitOnceAsync(group, stoppingToken), stoppingToken);
            // All of them before the first continues: with its acknowledgement, all are acknowledged.
            foreach (var unit in group)
            {
                unit.Delivery?.Finish();
            }

            for (var i = 0; i < group.Count; i++)
            {
                group[i].Complete(new CommitResult(plan.Outcomes[i], span, plan.FirstTraceId(group[i])));
            }
        }
        catch (UnreadableJobsException exception)
        {
            await CommitReadableAsync(group, exception, stoppingToken);
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

    /// <summary>Fails the units of jobs that cannot be read, and commits the others together.</summary>
    private async Task CommitReadableAsync(List<UnitOfWork> group, UnreadableJobsException exception, CancellationToken stoppingToken)
    {
        var readable = new List<UnitOfWork>();
        foreach (var unit in group)
        {
            if (exception.Find(unit) is { } cause)
            {
                unit.Fail(cause);
            }
            else
            {
                readable.Add(unit);
            }
        }

        if (readable.Count > 0)
        {
            await CommitGroupAsync(readable, stoppingToken);
        }
    }

    private async Task<(GroupPlan Plan, ActivityContext Span)> CommitOnceAsync(List<UnitOfWork> group, CancellationToken stoppingToken)
    {
        using var activity = ProcessorTraces.StartGroupCommit(group);
        var started = time.GetTimestamp();
        Volatile.Write(ref _attemptAt, started);
        try
        {
            var plan = await transaction.CommitAsync(group, stoppingToken);
            metrics.GroupCommitted(group, plan.Outcomes, time.GetElapsedTime(started), time.GetUtcNow());
            return (plan, activity?.Context ?? default);
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

    // 0 means none: no real timestamp is 0.
    private TimeSpan Age(ref long timestamp) => Volatile.Read(ref timestamp) is var since and not 0 ? time.GetElapsedTime(since) : TimeSpan.Zero;

    [LoggerMessage(LogLevel.Warning, "A group of {Units} units failed as a whole; committing them one by one")]
    private static partial void LogSplit(ILogger logger, Exception exception, int units);
}
