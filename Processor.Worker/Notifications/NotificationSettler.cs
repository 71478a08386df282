using System.Collections.Concurrent;

namespace Processor.Worker.Notifications;

/// <summary>
/// Writes down what became of attempts, whichever channel made them: what has ended while the one before was written is the next group.
/// A commit for each would cost the database more than the notification itself.
/// </summary>
internal sealed partial class NotificationSettler(NotificationQueue queue, ProcessorMetrics metrics, ILogger<NotificationSettler> logger) : IDisposable
{
    private readonly ConcurrentQueue<Settlement> _waiting = new();
    private readonly SemaphoreSlim _turn = new(1);

    /// <summary>Returns when it is written down, or when that has failed: then the lease ends, and it is sent once more under the same id.</summary>
    public async Task SettleAsync(Settlement settlement)
    {
        _waiting.Enqueue(settlement);
        await _turn.WaitAsync();
        try
        {
            // Nothing, when the one before has taken ours along.
            if (TakeGroup() is { Count: > 0 } group)
            {
                await SettleAsync(group);
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

    private List<Settlement> TakeGroup()
    {
        var group = new List<Settlement>();
        while (_waiting.TryDequeue(out var settlement))
        {
            group.Add(settlement);
        }

        return group;
    }

    private async Task SettleAsync(List<Settlement> group)
    {
        try
        {
            await queue.SettleAsync(group, CancellationToken.None);
        }
        catch (Exception exception)
        {
            // The database is away.
            LogNotSettled(logger, exception, group.Count);
            return;
        }

        foreach (var (notice, status, _, _, error) in group)
        {
            metrics.NotificationSettled(notice.Channel, status);
            LogSettled(
                logger, status is NotificationStatus.Parked ? LogLevel.Warning : LogLevel.Information,
                notice.Id, notice.JobId, notice.Channel, status, notice.Attempt, error ?? "no error");
        }
    }

    [LoggerMessage("Notification {NotificationId} of job {JobId} by {Channel} is {Status} after attempt {Attempt}: {Reason}")]
    private static partial void LogSettled(
        ILogger logger, LogLevel level, Guid notificationId, string jobId, string channel, NotificationStatus status, int attempt, string reason);

    [LoggerMessage(LogLevel.Warning, "What became of {Count} attempts to tell owners could not be written down; they are made once more")]
    private static partial void LogNotSettled(ILogger logger, Exception exception, int count);
}
