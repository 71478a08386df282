using Processor.Worker.Archive;
using Processor.Worker.Downloads;
using Processor.Worker.Jobs;

namespace Processor.Worker.Notifications;

/// <summary>
/// Replaces the URLs in a notification that would expire soon, by links to the archive or by fresh ones. What does not succeed within a few seconds is sent as it is: a late link is worth
/// less than a notification.
/// </summary>
internal sealed partial class NotificationDownloads(FreshDownloads downloads, ArchiveLinks archive, TimeProvider time, ILogger<NotificationDownloads> logger)
{
    /// <summary>Longest time that a notification waits for fresh URLs.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);

    // While no answer comes, waiting would occupy the places of other notifications.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private DateTimeOffset _hasNoAnswerUntil = DateTimeOffset.MinValue;

    /// <param name="stoppingToken">Cancels the wait, not the notification.</param>
    /// <returns>The notification, with the URLs to send. Never throws.</returns>
    public async Task<NotificationDelivery> RefreshAsync(NotificationDelivery notification, CancellationToken stoppingToken)
    {
        if (notification.Outcome is not JobStatus.Completed || !FreshDownloads.AnyExpires(notification.Downloads, time.GetUtcNow()))
        {
            return notification;
        }

        using var timeout = new CancellationTokenSource(LongestWait, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, stoppingToken);
        try
        {
            var archived = await archive.ReplaceAsync(notification.JobId, notification.Downloads, either.Token);
            notification = notification with { Downloads = [.. archived.Select(file => file.Download)] };
            if (!FreshDownloads.AnyExpires(notification.Downloads, time.GetUtcNow()))
            {
                return notification;
            }

            var answer = await downloads.RefreshAsync(notification.JobId, notification.Resource, Wait(), either.Token);
            Learn(answer);
            return answer is { State: RefreshState.Refreshed } ? notification with { Downloads = answer.Downloads } : notification;
        }
        catch (OperationCanceledException) when (either.IsCancellationRequested)
        {
            Learn(new RefreshAnswer(RefreshState.Open));
            return notification;
        }
        catch (Exception exception)
        {
            LogNotRefreshed(logger, exception, notification.Id);
            return notification;
        }
    }

    private TimeSpan Wait()
    {
        lock (_lock)
        {
            return time.GetUtcNow() < _hasNoAnswerUntil ? TimeSpan.Zero : LongestWait;
        }
    }

    private void Learn(RefreshAnswer? answer)
    {
        lock (_lock)
        {
            _hasNoAnswerUntil = answer switch
            {
                null or { State: not RefreshState.Open } => DateTimeOffset.MinValue,
                // Not extended by those that did not wait: some must, to notice the end of it.
                _ when time.GetUtcNow() < _hasNoAnswerUntil => _hasNoAnswerUntil,
                _ => time.GetUtcNow() + Patience,
            };
        }
    }

    [LoggerMessage(LogLevel.Warning, "Could not refresh the downloads in notification {NotificationId}; it is sent with those in the table")]
    private static partial void LogNotRefreshed(ILogger logger, Exception exception, Guid notificationId);
}
