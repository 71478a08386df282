using System.Diagnostics;
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

    /// <summary>Returns when the unit is committed.</summary>
    /// <exception cref="OperationCanceledException">The database is away; the message goes back to the queue.</exception>
    /// <exception cref="Exception">The unit can never be committed, whatever happens: the message is poison.</exception>
    public Task<CommitOutcome> CommitAsync(UnitOfWork unit)
    {
        var away = outage.Begun;
        if (!away.IsCancellationRequested)
        {
            _waiting.Writer.TryWrite(unit);
        }

        return unit.Committed.WaitAsync(away);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (_deferred.Count > 0 || await _waiting.Reader.WaitToReadAsync(stoppingToken))
        {
            await CommitGroupAsync(TakeGroup(), stoppingToken);
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
        try
        {
            var outcomes = await transaction.CommitAsync(group, stoppingToken);
            metrics.GroupCommitted(outcomes, time.GetElapsedTime(started));
            return outcomes;
        }
        catch (Exception exception)
        {
            activity?.SetStatus(ActivityStatusCode.Error, exception.Message);
            throw;
        }
    }

    [LoggerMessage(LogLevel.Warning, "A group of {Units} units failed as a whole; committing them one by one")]
    private static partial void LogSplit(ILogger logger, Exception exception, int units);
}
