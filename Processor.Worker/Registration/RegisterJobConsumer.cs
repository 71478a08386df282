using MassTransit;
using Platform.Contracts;
using Processor.Worker.Events;
using Processor.Worker.Inbox;

namespace Processor.Worker.Registration;

/// <summary>
/// Takes a registration in. Without the inbox: to register again is to update, so a message that is consumed twice has the effect of one,
/// and a transaction of its own keeps it out of the way of the events.
/// </summary>
internal sealed class RegisterJobConsumer(
    JobRegistrar registrar, [FromKeyedServices(Topology.RegisterJobQueue)] DatabaseOutage outage, IHostApplicationLifetime lifetime)
    : IConsumer<RegisterJob>
{
    public async Task Consume(ConsumeContext<RegisterJob> context)
    {
        var registration = context.Message;
        if (RegistrationRules.FindErrors(registration) is { Count: > 0 } errors)
        {
            throw new UnusableRegistrationException(errors);
        }

        // It outlives the message, which goes back to the queue when its endpoint has stopped for the outage: it is what finds the end of it.
        // Under any token but the endpoint's, MassTransit would take the cancellation for the consumer's verdict, and park the message.
        await outage.OutlastAsync(() => registrar.RegisterAsync(registration, lifetime.ApplicationStopping), lifetime.ApplicationStopping)
            .WaitAsync(context.CancellationToken);
    }
}

/// <summary>The policy of the queue <c>register-job</c>.</summary>
internal sealed class RegisterJobDefinition : ConsumerDefinition<RegisterJobConsumer>
{
    // Each holds a connection to the database for the length of a transaction.
    private const int InWork = 16;

    public RegisterJobDefinition() => EndpointName = Topology.RegisterJobQueue;

    protected override void ConfigureConsumer(
        IReceiveEndpointConfigurator endpoint, IConsumerConfigurator<RegisterJobConsumer> consumer, IRegistrationContext context)
    {
        endpoint.PrefetchCount = InWork;
        endpoint.ConcurrentMessageLimit = InWork;
        // A fault would be published with the addresses in it; the parked message says all there is to say.
        endpoint.PublishFaults = false;
        ((IRabbitMqReceiveEndpointConfigurator)endpoint).UseTopology(Topology.RegisterJobQueue);
        // No retry here: the write outlasts what passes, and what does not pass fails the same way every time.
    }
}

/// <summary>A registration breaks the rules: it is parked with them.</summary>
internal sealed class UnusableRegistrationException(IReadOnlyDictionary<string, string[]> errors) : Exception(
    string.Join(' ', errors.Select(error => $"{error.Key} {string.Join(", ", error.Value)}")));
