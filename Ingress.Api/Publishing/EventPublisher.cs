using Microsoft.Extensions.Options;
using Platform.Contracts;

namespace Ingress.Api.Publishing;

/// <summary>
/// Publishes a message and waits, within a time budget, until the broker has confirmed
/// that it is in a queue. The budget holds whatever the broker or its client does.
/// </summary>
internal sealed partial class EventPublisher(
    PublishQueue queue,
    PublishNumbers numbers,
    BrokerHealth broker,
    PublishBreaker breaker,
    IOptions<IngressOptions> options,
    IngressMetrics metrics,
    TimeProvider time,
    ILogger<EventPublisher> logger)
{
    private int _inFlight;

    /// <summary>Messages awaiting their answer.</summary>
    public int InFlight => Volatile.Read(ref _inFlight);

    /// <summary>
    /// Returns Confirmed only when the message is safe. An unconfirmed message may still be delivered: the inbox deduplicates it by its id.
    /// </summary>
    /// <remarks>Not cancelled with the request: a sender that hangs up would leave a publish half done.</remarks>
    /// <param name="create">Called once if the publish is attempted; only then does it take a number.</param>
    public async Task<PublishOutcome> PublishAsync(Func<PublishNumber, Envelope> create)
    {
        if (broker.State is not (BrokerState.Available or BrokerState.Unknown))
        {
            return GiveUp(PublishObstacle.BrokerUnavailable);
        }

        try
        {
            if (Interlocked.Increment(ref _inFlight) > options.Value.MaxPublishesInFlight)
            {
                return GiveUp(PublishObstacle.TooMany);
            }

            return breaker.TryEnter() ? await PublishNumberedAsync(create) : GiveUp(PublishObstacle.BreakerOpen);
        }
        finally
        {
            Interlocked.Decrement(ref _inFlight);
        }
    }

    private async Task<PublishOutcome> PublishNumberedAsync(Func<PublishNumber, Envelope> create)
    {
        var number = numbers.Next();
        var outcome = PublishOutcome.NotConfirmed;
        try
        {
            return outcome = await TryPublishAsync(create(number));
        }
        finally
        {
            numbers.Settle(number, outcome is PublishOutcome.Confirmed);
        }
    }

    private async Task<PublishOutcome> TryPublishAsync(Envelope message)
    {
        using var activity = IngressTraces.StartPublish(message);
        var publish = new PendingPublish(message, IngressTraces.ParentOfMessage(activity));
        var started = time.GetTimestamp();
        if (!queue.TryAdd(publish))
        {
            return GiveUp(PublishObstacle.BrokerUnavailable);
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

/// <summary>The outcome of a publish.</summary>
internal enum PublishOutcome
{
    /// <summary>The broker has the message in a queue.</summary>
    Confirmed,

    /// <summary>Returned, refused or not answered in time: the message may or may not be queued.</summary>
    NotConfirmed,

    /// <summary>Not attempted: the broker is known to be unavailable or unresponsive, or too many publishes are waiting.</summary>
    NotTried,
}

/// <summary>Why a publish was not attempted.</summary>
internal enum PublishObstacle
{
    /// <summary>There is no connection, or the broker is blocked or has no queue.</summary>
    BrokerUnavailable,

    /// <summary>Publishes have timed out, and none has been answered since.</summary>
    BreakerOpen,

    /// <summary>The maximum number of publishes is already waiting.</summary>
    TooMany,
}
