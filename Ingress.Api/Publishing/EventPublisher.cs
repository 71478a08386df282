using Ingress.Api.Webhooks;
using Microsoft.Extensions.Options;
using Platform.Contracts;

namespace Ingress.Api.Publishing;

/// <summary>
/// Publishes and waits until the broker has confirmed that the message is in a queue. Within a budget, whatever the broker or its
/// client does.
/// </summary>
internal sealed partial class EventPublisher(
    PublishQueue queue, BrokerMonitor broker, PublishBreaker breaker, IOptions<IngressOptions> options, TimeProvider time, ILogger<EventPublisher> logger)
{
    private const string TimedOut = "It was not answered in time.";

    private int _inFlight;

    /// <summary>Confirmed when the message is safe, and only then. Not confirmed may still be delivered: the inbox knows its id.</summary>
    /// <remarks>Not cancelled with the request: a sender that hangs up would leave a publish half done.</remarks>
    public async Task<PublishOutcome> PublishAsync(Envelope message)
    {
        if (broker.State is not (BrokerState.Available or BrokerState.Unknown))
        {
            return PublishOutcome.NotTried;
        }

        try
        {
            return Interlocked.Increment(ref _inFlight) <= options.Value.MaxPublishesInFlight && breaker.TryEnter()
                ? await TryPublishAsync(message)
                : PublishOutcome.NotTried;
        }
        finally
        {
            Interlocked.Decrement(ref _inFlight);
        }
    }

    private async Task<PublishOutcome> TryPublishAsync(Envelope message)
    {
        using var activity = IngressTraces.StartPublish(message);
        var publish = new PendingPublish(message, IngressTraces.ParentOfMessage(activity));
        if (!queue.TryAdd(publish))
        {
            return PublishOutcome.NotTried;
        }

        var failure = await FindFailureAsync(publish);
        IngressTraces.Answered(activity, failure);
        if (failure is null)
        {
            return PublishOutcome.Confirmed;
        }

        LogNotConfirmed(logger, message.MessageId, failure);
        return PublishOutcome.NotConfirmed;
    }

    private async Task<string?> FindFailureAsync(PendingPublish publish)
    {
        try
        {
            var answer = await publish.Answer.WaitAsync(options.Value.PublishBudget, time);
            if (answer.IsOfTheBroker)
            {
                breaker.Answered();
            }

            return answer.Failure;
        }
        catch (TimeoutException)
        {
            publish.GiveUp();
            breaker.TimedOut();
            return TimedOut;
        }
    }

    [LoggerMessage(LogLevel.Warning, "Message {MessageId} was not confirmed: {Failure}")]
    private static partial void LogNotConfirmed(ILogger logger, Guid messageId, string failure);
}

/// <summary>What became of a publish.</summary>
internal enum PublishOutcome
{
    /// <summary>The broker has it, in a queue.</summary>
    Confirmed,

    /// <summary>Returned, refused, or not answered in time: it may be queued or not.</summary>
    NotConfirmed,

    /// <summary>The broker is known to be away or not to answer, or too many publishes are waiting already.</summary>
    NotTried,
}
