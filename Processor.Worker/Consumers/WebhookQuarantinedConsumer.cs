using MassTransit;
using Platform.Contracts;
using Processor.Worker.Inbox;

namespace Processor.Worker.Consumers;

/// <summary>Stores a signed body that is not a usable event.</summary>
internal sealed class WebhookQuarantinedConsumer(UnitOfWork unit) : IConsumer<WebhookQuarantined>
{
    public Task Consume(ConsumeContext<WebhookQuarantined> context)
    {
        unit.Quarantine(context.Message);
        return Task.CompletedTask;
    }
}

/// <summary>Shares the queue of <see cref="WebhookReceivedDefinition"/>, and therefore its policy.</summary>
internal sealed class WebhookQuarantinedDefinition : ConsumerDefinition<WebhookQuarantinedConsumer>
{
    public WebhookQuarantinedDefinition() => EndpointName = Topology.WebhookReceivedQueue;

    protected override void ConfigureConsumer(
        IReceiveEndpointConfigurator endpoint, IConsumerConfigurator<WebhookQuarantinedConsumer> consumer, IRegistrationContext context) =>
        consumer.UseInbox(endpoint, context);
}
