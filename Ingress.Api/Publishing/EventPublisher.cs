using Ingress.Api.Webhooks;
using MassTransit;
using Microsoft.Extensions.Options;

namespace Ingress.Api.Publishing;

/// <summary>
/// Publishes and waits until the broker has confirmed that the message is in a queue. Within a budget, whatever the broker or the
/// client does: MassTransit's publish can block for 20 seconds, or for ever.
/// </summary>
internal sealed partial class EventPublisher(
    IBus bus, BrokerMonitor broker, PublishBreaker breaker, IOptions<IngressOptions> options, TimeProvider time, ILogger<EventPublisher> logger)
{
    private int _inFlight;

    /// <summary>Confirmed when the message is safe, and only then. Not confirmed may still be delivered: the inbox knows its id.</summary>
    /// <param name="messageId">The identity; the same for every delivery.</param>
    /// <param name="body">What the message reads from.</param>
    /// <remarks>Not cancelled with the request: a sender that hangs up would leave a publish half done.</remarks>
    public async Task<PublishOutcome> PublishAsync<T>(T message, Guid messageId, SignedBody body)
        where T : class
    {
        if (broker.State is not (BrokerState.Available or BrokerState.Unknown))
        {
            return PublishOutcome.NotTried;
        }

        if (Interlocked.Increment(ref _inFlight) > options.Value.MaxPublishesInFlight || !breaker.TryEnter())
        {
            Interlocked.Decrement(ref _inFlight);
            return PublishOutcome.NotTried;
        }

        using var attempt = new PublishAttempt(options.Value.PublishBudget, time);
        try
        {
            // Waited for from outside too: after a first failure, the publish itself does not honour its token.
            await body.HoldDuringAsync(PublishAsync(message, messageId, attempt)).WaitAsync(attempt.Token);
            breaker.Answered();
            return PublishOutcome.Confirmed;
        }
        catch (Exception exception)
        {
            LogNotConfirmed(logger, attempt.Refusal ?? exception, messageId);
            TellBreaker(attempt, exception);
            return PublishOutcome.NotConfirmed;
        }
        finally
        {
            // One that was given up may go on for ever, but does not count any more: the breaker keeps such ones few.
            Interlocked.Decrement(ref _inFlight);
        }
    }

    private Task PublishAsync<T>(T message, Guid messageId, PublishAttempt attempt)
        where T : class => bus.Publish(
            message,
            context =>
            {
                context.MessageId = messageId;
                // A confirm does not mean queued: without this, what no queue takes is confirmed and gone.
                context.Mandatory = true;
                context.GetOrAddPayload(() => attempt);
            },
            attempt.Token);

    private void TellBreaker(PublishAttempt attempt, Exception exception)
    {
        if (attempt.Refusal is not null || exception is MessageReturnedException)
        {
            breaker.Answered();
        }
        else if (attempt.IsCancellationRequested)
        {
            breaker.TimedOut();
        }
    }

    [LoggerMessage(LogLevel.Warning, "Message {MessageId} was not confirmed by the broker")]
    private static partial void LogNotConfirmed(ILogger logger, Exception exception, Guid messageId);
}

/// <summary>What became of a publish.</summary>
internal enum PublishOutcome
{
    /// <summary>The broker has it, in a queue.</summary>
    Confirmed,

    /// <summary>Returned, refused, or not answered in time: it may be queued or not, and a client may still be at it.</summary>
    NotConfirmed,

    /// <summary>The broker is known to be away or not to answer, or too many publishes are waiting already.</summary>
    NotTried,
}
