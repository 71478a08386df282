using MassTransit;
using Platform.Contracts;
using Processor.Worker.Events;
using Processor.Worker.Inbox;

namespace Processor.Worker.Registration;

internal static class RegistrationSetup
{
    public static IServiceCollection AddRegistration(this IServiceCollection services) => services.AddSingleton<JobRegistrar>();

    /// <summary>Registrations by message, beside those of the operations API.</summary>
    public static IServiceCollection AddRegistrationQueue(this IServiceCollection services)
    {
        // An outage of its own: a registration that cannot be written must not stop the events.
        services.AddKeyedSingleton<DatabaseOutage>(Topology.RegisterJobQueue);
        services.AddConsumption(
            Topology.RegisterJobQueue,
            provider => provider.GetRequiredKeyedService<DatabaseOutage>(Topology.RegisterJobQueue),
            (context, endpoint) => context.ConfigureConsumer<RegisterJobConsumer>(endpoint));
        return services;
    }

    public static void AddRegistrationConsumers(this IRegistrationConfigurator bus) =>
        bus.AddConsumer<RegisterJobConsumer, RegisterJobDefinition>();
}
