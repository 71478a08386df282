using MassTransit;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using Processor.Worker.Inbox;
using Processor.Worker.Retention;

namespace Processor.Worker.Consumers;

/// <summary>Stores an event and applies it to its job.</summary>
internal sealed class WebhookReceivedConsumer(UnitOfWork unit, IOptions<RetentionOptions> retention, TimeProvider time) : IConsumer<WebhookReceived>
{
    /// <exception cref="ForgottenIdentityException">The event waited so long that its identity may be forgotten.</exception>
    public Task Consume(ConsumeContext<WebhookReceived> context)
    {
        if (context.Message.ReceivedAt < retention.Value.ForgottenBefore(time.GetUtcNow()))
        {
            throw new ForgottenIdentityException(context.Message.ReceivedAt);
        }

        unit.Store(context.Message);
        return Task.CompletedTask;
    }
}

/// <summary>
/// An event is so old that it is parked: if it was applied before, retention may have dropped its identity, and it would take effect twice. A
/// person can find out, and releases it while <c>Retention__Events</c> is 0.
/// </summary>
internal sealed class ForgottenIdentityException(DateTimeOffset receivedAt)
    : Exception($"Received at {receivedAt:O}: it may have been applied, and its identity dropped since (Retention__Events).");

/// <summary>The policy of the queue <c>webhook-received</c>.</summary>
internal sealed class WebhookReceivedDefinition : ConsumerDefinition<WebhookReceivedConsumer>
{
    private readonly ConsumerLimits _limits;

    public WebhookReceivedDefinition(ConsumerLimits limits)
    {
        EndpointName = Topology.WebhookReceivedQueue;
        _limits = limits;
    }

    protected override void ConfigureConsumer(
        IReceiveEndpointConfigurator endpoint, IConsumerConfigurator<WebhookReceivedConsumer> consumer, IRegistrationContext context)
    {
        endpoint.PrefetchCount = _limits.InWork;
        endpoint.ConcurrentMessageLimit = _limits.InWork;
        endpoint.UseBudget(context);
        // A published fault would contain the body; the parked message holds all that is needed.
        endpoint.PublishFaults = false;
        endpoint.UseParking(context);
        var rabbit = (IRabbitMqReceiveEndpointConfigurator)endpoint;
        rabbit.UseTopology(Topology.WebhookReceivedQueue);
        rabbit.UseBulkAcknowledgement();
        // No retry here: the committer waits out transient faults, and permanent ones fail the same way every time.
        consumer.UseInbox(endpoint, context);
    }
}

internal static class EndpointTopology
{
    /// <summary>Declares the queue and its dead letters as defined in <see cref="Topology"/>.</summary>
    public static void UseTopology(this IRabbitMqReceiveEndpointConfigurator endpoint, string queue)
    {
        foreach (var (name, value) in Topology.Queues[queue])
        {
            endpoint.SetQueueArgument(name, value);
        }

        var deadLetterQueue = (string)Topology.Queues[queue]["x-dead-letter-exchange"];
        endpoint.BindDeadLetterQueue(deadLetterQueue, deadLetterQueue, dead =>
        {
            foreach (var (name, value) in Topology.Queues[deadLetterQueue])
            {
                dead.SetQueueArgument(name, value);
            }
        });
    }
}
