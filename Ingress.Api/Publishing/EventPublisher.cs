using Ingress.Api.Webhooks;
using Microsoft.Extensions.Options;
using Platform.Contracts;

namespace Ingress.Api.Publishing;

/// <summary>
/// Publishes and waits until the broker has confirmed that the message is in a queue. Within a budget, whatever the broker or its
/// client does.
/// </summary>
internal sealed partial class EventPublisher(
    PublishQueue queue,
    BrokerMonitor broker,
    PublishBreaker breaker,
    IOptions<IngressOptions> options,
    IngressMetrics metrics,
    TimeProvider time,
    ILogger<EventPublisher> logger)
{
    private int _inFlight;

    /// <summary>Messages whose answer is waited for.</summary>
    public int InFlight => Volatile.Read(ref _inFlight);

    /// <summary>Confirmed when the message is safe, and only then. Not confirmed may still be delivered: the inbox knows its id.</summary>
    /// <remarks>Not cancelled with the request: a sender that hangs up would leave a publish half done.</remarks>
    public async Task<PublishOutcome> PublishAsync(Envelope message)
    {
        if (broker.State is not (BrokerState.Available or BrokerState.Unknown))
        {
            return GiveUp(PublishObstacle.BrokerAway);
        }

        try
        {
            if (Interlocked.Increment(ref _inFlight) > options.Value.MaxPublishesInFlight)
            {
                return GiveUp(PublishObstacle.TooMany);
            }

            return breaker.TryEnter() ? await TryPublishAsync(message) : GiveUp(PublishObstacle.BreakerOpen);
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
        var started = time.GetTimestamp();
        if (!queue.TryAdd(publish))
        {
            return GiveUp(PublishObstacle.BrokerAway);
        }

        var answer = await WaitForAnswerAsync(publish);
        metrics.Published(answer.Result, time.GetElapsedTime(started));
        IngressTraces.Answered(activity, answer.Failure);
        if (answer.Failure is null)
        {
            return PublishOutcome.Confirmed;
        }

        LogNotConfirmed(logger, message.MessageId, answer.Failure);
        return PublishOutcome.NotConfirmed;
    }

    private async Task<PublishAnswer> WaitForAnswerAsync(PendingPublish publish)
    {
        try
        {
            var answer = await publish.Answer.WaitAsync(options.Value.PublishBudget, time);
            if (answer.IsOfTheBroker)
            {
                breaker.Answered();
            }

            return answer;
        }
        catch (TimeoutException)
        {
            publish.GiveUp();
            breaker.TimedOut();
            return PublishAnswer.TimedOut;
        }
    }

    private PublishOutcome GiveUp(PublishObstacle obstacle)
    {
        metrics.PublishNotTried(obstacle);
        return PublishOutcome.NotTried;
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

/// <summary>Why a publish was not tried.</summary>
internal enum PublishObstacle
{
    /// <summary>There is no connection, or the broker is blocked or without the queue.</summary>
    BrokerAway,

    /// <summary>Publishes have timed out, and none has been answered since.</summary>
    BreakerOpen,

    /// <summary>As many as may be are waiting.</summary>
    TooMany,
}
