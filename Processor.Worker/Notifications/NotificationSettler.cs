using System.Collections.Concurrent;
using Processor.Worker.Persistence;

namespace Processor.Worker.Notifications;

/// <summary>
/// Stores the results of attempts on all channels, in groups: attempts that end while one group is being written form the next.
/// A commit for each would cost the database more than the notification itself.
/// </summary>
internal sealed partial class NotificationSettler(
    NotificationQueue queue, ProcessorMetrics metrics, TimeProvider time, ILogger<NotificationSettler> logger) : IDisposable
{
    internal static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(500);

    /// <summary>Time limit for writing a group, and again for writing its members one by one.</summary>
    internal static readonly TimeSpan WriteTime = TimeSpan.FromSeconds(3);

    // Npgsql's default: how long it waits for the server after cancelling a statement.
    private static readonly TimeSpan CallOffTime = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Longest time for a settlement, from the start of its turn. If it takes longer, or waits for its turn until the lease expires, the
    /// notification is sent again.
    /// </summary>
    public static readonly TimeSpan SettleTime = 2 * (WriteTime + CallOffTime);

    // Connections, so that one member that hangs does not block the others.
    private const int MembersAtOnce = 4;

    private readonly ConcurrentQueue<AttemptResult> _waiting = new();
    private readonly SemaphoreSlim _turn = new(1);

    /// <summary>
    /// Returns once the result is stored, by this call or with another call's group, or could not be stored. In the last case the lease
    /// expires, and the notification is sent again with the same id.
    /// </summary>
    public async Task SettleAsync(AttemptResult settlement)
    {
        _waiting.Enqueue(settlement);
        if (await SettleGroupAsync() is { Count: > 0 } members)
        {
            await SettleOneByOneAsync(members);
        }
    }

    public void Dispose() => _turn.Dispose();

    /// <summary>Stores all queued results when it is this call's turn.</summary>
    /// <returns>The members of a group that could not be written together; they are written later, outside the turn.</returns>
    private async Task<IReadOnlyList<AttemptResult>> SettleGroupAsync()
    {
        await _turn.WaitAsync();
        try
        {
            // Empty when the previous turn has already written this call's result.
            return TakeGroup() is { Count: > 0 } group && !await TryWriteAsync(group) ? group : [];
        }
        finally
        {
            _turn.Release();
        }
    }

    private List<AttemptResult> TakeGroup()
    {
        var group = new List<AttemptResult>();
        while (_waiting.TryDequeue(out var settlement))
        {
            group.Add(settlement);
        }

        return group;
    }

    private async Task<bool> TryWriteAsync(List<AttemptResult> group)
    {
        using var limit = new CancellationTokenSource(WriteTime, time);
        try
        {
            await WriteAsync(group, limit.Token);
            return true;
        }
        catch (Exception exception)
        {
            LogSplit(logger, exception, group.Count);
            return false;
        }
    }

    private async Task SettleOneByOneAsync(IReadOnlyList<AttemptResult> members)
    {
        using var limit = new CancellationTokenSource(WriteTime, time);
        await Parallel.ForEachAsync(members, new ParallelOptions { MaxDegreeOfParallelism = MembersAtOnce }, async (member, _) =>
        {
            try
            {
                await WriteAsync([member], limit.Token);
            }
            catch (Exception exception)
            {
                LogNotSettled(logger, exception, member.NotificationDelivery.Id, member.NotificationDelivery.JobId, member.NotificationDelivery.Channel);
            }
        });
    }

    /// <summary>Writes the group, and retries while the database is unavailable.</summary>
    private async Task WriteAsync(List<AttemptResult> group, CancellationToken limit)
    {
        while (true)
        {
            try
            {
                await queue.SettleAsync(group, limit);
                break;
            }
            catch (Exception exception) when (DatabaseFault.IsTransient(exception))
            {
                var pause = Task.Delay(RetryInterval, time, limit);
                LogUnavailable(logger, exception.Message, group.Count);
                await pause;
            }
        }

        foreach (var (notification, status, _, _, error) in group.Where(settlement => !settlement.IsDeferred))
        {
            metrics.NotificationSettled(notification.Channel, status);
            LogSettled(
                logger, status is NotificationStatus.Parked ? LogLevel.Warning : LogLevel.Information,
                notification.Id, notification.JobId, notification.Channel, status, notification.Attempt, error ?? "no error");
        }
    }

    [LoggerMessage("Notification {NotificationId} of job {JobId} by {Channel} is {Status} after attempt {Attempt}: {Reason}")]
    private static partial void LogSettled(
        ILogger logger, LogLevel level, Guid notificationId, string jobId, string channel, NotificationStatus status, int attempt, string reason);

    [LoggerMessage(LogLevel.Warning, "Could not store the results of {Count} notification attempts; trying again: {Reason}")]
    private static partial void LogUnavailable(ILogger logger, string reason, int count);

    [LoggerMessage(LogLevel.Warning, "Could not store the results of {Count} notification attempts together; storing them one by one")]
    private static partial void LogSplit(ILogger logger, Exception exception, int count);

    [LoggerMessage(
        LogLevel.Warning,
        "Could not store the result of notification {NotificationId} of job {JobId} by {Channel}; it will be sent again")]
    private static partial void LogNotSettled(ILogger logger, Exception exception, Guid notificationId, string jobId, string channel);
}
