using Platform.Contracts;
using Platform.ServiceDefaults.Logging;
using Processor.Worker.Broker;

namespace Processor.Worker.Reconciliation;

/// <summary>Publishes the API's answer at the front of the pipeline.</summary>
internal sealed partial class FindingPublisher(BrokerPublisher publisher, AskingPause pause, TimeProvider time, ILogger<FindingPublisher> logger)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    /// <returns>True when the broker has confirmed the event. Otherwise it is unknown whether it was published.</returns>
    public async Task<bool> TryPublishAsync(WebhookReceived found, CancellationToken cancellationToken)
    {
        try
        {
            await PublishAsync(found, cancellationToken);
            return true;
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            // Requests resume once answers can be published; until then they would be wasted.
            pause.Fail(retryAfter: null);
            LogNotPublished(logger, exception, found.EventType, ShownText.Name(found.JobId));
            return false;
        }
    }

    /// <summary>Closes the connection to the broker; the next event opens a new one.</summary>
    public ValueTask DisconnectAsync() => publisher.DisposeAsync();

    private async Task PublishAsync(WebhookReceived found, CancellationToken cancellationToken)
    {
        var envelope = Envelope.Create(found, time.GetUtcNow());
        using var activity = ProcessorTraces.StartPublish(envelope, default);
        await publisher.UseAsync(token => publisher.PublishAsync(envelope, activity?.Id, mandatory: true, token), Limit, cancellationToken);
    }

    [LoggerMessage(LogLevel.Warning, "Could not publish {EventType} of job {JobId}; the job will be checked again")]
    private static partial void LogNotPublished(ILogger logger, Exception exception, string eventType, string jobId);
}
