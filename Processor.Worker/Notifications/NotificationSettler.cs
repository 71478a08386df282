using System.Collections.Concurrent;

namespace Processor.Worker.Notifications;

/// <summary>
/// Writes down what became of attempts, whichever channel made them: what has ended while the one before was written is the next group.
/// A commit for each would cost the database more than the notification itself.
/// </summary>
internal sealed partial class NotificationSettler(
    NotificationQueue queue, ProcessorMetrics metrics, TimeProvider time, ILogger<NotificationSettler> logger) : IDisposable
{
    /// <summary>How long a group may take to be written down. What takes longer is sent once more.</summary>
    public static readonly TimeSpan SettleTime = TimeSpan.FromSeconds(10);

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
                await SettleGroupAsync(group);
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

    private async Task SettleGroupAsync(List<Settlement> group)
    {
        var began = time.GetTimestamp();
        try
        {
            // Half of the time: the other half is for its members.
            await WriteAsync(group, SettleTime / 2);
        }
        catch (Exception exception)
        {
            LogSplit(logger, exception, group.Count);
            await SettleOneByOneAsync(group, began);
        }
    }

    /// <summary>Each within an equal share of the time that is left: one that hangs does not cost the others theirs.</summary>
    private async Task SettleOneByOneAsync(List<Settlement> group, long began)
    {
        for (var i = 0; i < group.Count; i++)
        {
            var left = SettleTime - time.GetElapsedTime(began);
            try
            {
                await WriteAsync([group[i]], left > TimeSpan.Zero ? left / (group.Count - i) : TimeSpan.Zero);
            }
            catch (Exception exception)
            {
                LogNotSettled(logger, exception, group[i].Notice.Id, group[i].Notice.JobId, group[i].Notice.Channel);
            }
        }
    }

    private async Task WriteAsync(List<Settlement> group, TimeSpan limit)
    {
        using var timeout = new CancellationTokenSource(limit, time);
        await queue.SettleAsync(group, timeout.Token);
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

    [LoggerMessage(LogLevel.Warning, "What became of {Count} attempts to tell owners could not be written down together; writing it down one by one")]
    private static partial void LogSplit(ILogger logger, Exception exception, int count);

    [LoggerMessage(
        LogLevel.Warning,
        "What became of notification {NotificationId} of job {JobId} by {Channel} could not be written down; it is sent once more")]
    private static partial void LogNotSettled(ILogger logger, Exception exception, Guid notificationId, string jobId, string channel);
}
