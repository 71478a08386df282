using MassTransit;
using Platform.Contracts;
using Processor.Worker.Consumers;
using Processor.Worker.Inbox;
using Processor.Worker.Owners;
using Processor.Worker.Persistence;

namespace Processor.Worker.Registration;

/// <summary>
/// Stores a registration from a message. It bypasses the inbox: registering is an upsert, so consuming a message twice has the same
/// effect as once, and a separate transaction keeps it from delaying the events.
/// </summary>
internal sealed class RegisterJobConsumer(JobRegistrar registrar, [FromKeyedServices(Topology.RegisterJobQueue)] SingleWrites writes) : IConsumer<RegisterJob>
{
    public async Task Consume(ConsumeContext<RegisterJob> context)
    {
        var registration = context.Message;
        var registrant = Registrant.FromMessage(context.ReceiveContext);
        if (RegistrationRules.FindErrors(registration) is { Count: > 0 } errors)
        {
            throw new UnusableRegistrationException(errors);
        }

        var outcome = await writes.OutlastAsync(
            (connection, stopping) => registrar.RegisterAsync(connection, registration, registrant, stopping), context.CancellationToken);
        if (outcome is RegistrationOutcome.Rejected)
        {
            throw new RegistrationRejectedException(registrant);
        }
    }
}

/// <summary>The policy of the queue <c>register-job</c>.</summary>
internal sealed class RegisterJobDefinition : ConsumerDefinition<RegisterJobConsumer>
{
    // More than are written at a time, so that the next ones are ready.
    private const int InWork = 16;

    public RegisterJobDefinition() => EndpointName = Topology.RegisterJobQueue;

    protected override void ConfigureConsumer(
        IReceiveEndpointConfigurator endpoint, IConsumerConfigurator<RegisterJobConsumer> consumer, IRegistrationContext context)
    {
        endpoint.PrefetchCount = InWork;
        endpoint.ConcurrentMessageLimit = InWork;
        endpoint.UseBudget(context);
        // A published fault would contain the addresses; the parked message already has all the details.
        endpoint.PublishFaults = false;
        endpoint.UseParking(context);
        ((IRabbitMqReceiveEndpointConfigurator)endpoint).UseTopology(Topology.RegisterJobQueue);
        // No retry policy: the write itself waits out transient faults, and other faults would recur every time.
    }
}

/// <summary>Another identity has registered the job. The message is parked.</summary>
internal sealed class RegistrationRejectedException(Registrant registrant)
    : Exception(
        $"{registrant.Identity} may not change this job's registration{(registrant == Registrant.Anonymous ? ", or not without its userId" : "")}.");

/// <summary>A registration breaks the rules. It is parked with the list of errors.</summary>
internal sealed class UnusableRegistrationException(IReadOnlyDictionary<string, string[]> errors) : Exception(
    string.Join(' ', errors.Select(error => $"{error.Key} {string.Join(", ", error.Value)}")));
