using MassTransit;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using Processor.Worker.Inbox;

namespace Processor.Worker.Events;

/// <summary>Takes an event in: stores it, and lets it move its job.</summary>
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
    private readonly int _inWork;

    public WebhookReceivedDefinition(IOptions<EventOptions> options)
    {
        EndpointName = Topology.WebhookReceivedQueue;
        _inWork = options.Value.InWork;
    }

    protected override void ConfigureConsumer(
        IReceiveEndpointConfigurator endpoint, IConsumerConfigurator<WebhookReceivedConsumer> consumer, IRegistrationContext context)
    {
        endpoint.PrefetchCount = _inWork;
        endpoint.ConcurrentMessageLimit = _inWork;
        // A fault would be published with the body in it; the parked message says all there is to say.
        endpoint.PublishFaults = false;
        ((IRabbitMqReceiveEndpointConfigurator)endpoint).UseTopology(Topology.WebhookReceivedQueue);
        // No retry here: the committer waits out what passes, and what does not pass fails the same way every time.
        consumer.UseInbox(endpoint, context);
    }
}

internal static class EndpointTopology
{
    /// <summary>Declares the queue and its dead letters as <see cref="Topology"/> has them.</summary>
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
