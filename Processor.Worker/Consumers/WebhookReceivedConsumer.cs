using MassTransit;
using Platform.Contracts;
using Processor.Worker.Inbox;

namespace Processor.Worker.Consumers;

/// <summary>Stores an event and applies it to its job.</summary>
internal sealed class WebhookReceivedConsumer(UnitOfWork unit) : IConsumer<WebhookReceived>
{
    public Task Consume(ConsumeContext<WebhookReceived> context)
    {
        unit.Store(context.Message);
        return Task.CompletedTask;
    }
}

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
