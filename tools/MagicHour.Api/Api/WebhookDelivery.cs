using Microsoft.Extensions.Logging;
using Platform.Simulator.MagicHour;

namespace Platform.Simulator.Api;

/// <summary>Delivers events with Magic Hour's retries: until 2xx, or for 24 hours.</summary>
internal sealed partial class WebhookDelivery(
    Webhook webhook, RetrySchedule retries, Func<ApiSwitches> switches, TimeProvider time, ILogger<WebhookDelivery> logger)
{
    public async Task DeliverAsync(JobEvent due, MagicHourEvent content, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        var signedAt = time.GetUtcNow();
        while (webhook.Sender is { } sender)
        {
            due.Record(await AttemptAsync(sender, content, signedAt, cancellationToken));
            LogAttempt(content.Type, content.JobId, due.LastStatus, due.Attempts);
            if (due.LastStatus is >= 200 and < 300)
            {
                due.State = EventState.Delivered;
                return;
            }

            if (retries.NextGap(due.Attempts, time.GetElapsedTime(began)) is not { } gap)
            {
                due.State = EventState.GivenUp;
                return;
            }

            await Task.Delay(gap, time, cancellationToken);
            signedAt = switches().ReSign ? time.GetUtcNow() : signedAt;
        }

        due.State = EventState.Skipped;
    }

    private static async Task<int?> AttemptAsync(
        Sender sender, MagicHourEvent content, DateTimeOffset signedAt, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await sender.SendAsync(content.Body, signedAt, cancellationToken);
            return (int)response.StatusCode;
        }
        catch (Exception exception) when (exception is HttpRequestException || IsTimeout(exception, cancellationToken))
        {
            return null;
        }
    }

    // HttpClient reports its time-out as a cancellation.
    private static bool IsTimeout(Exception exception, CancellationToken cancellationToken) =>
        exception is OperationCanceledException && !cancellationToken.IsCancellationRequested;

    [LoggerMessage(LogLevel.Information, "{Type} of {JobId}: {Status} at attempt {Attempt}")]
    private partial void LogAttempt(string type, string jobId, int? status, int attempt);
}
