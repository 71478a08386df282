using MassTransit;
using Platform.Contracts;
using Processor.Worker.Consumers;
using Processor.Worker.Persistence;

namespace Processor.Worker.Registration;

internal static class RegistrationSetup
{
    public static IServiceCollection AddRegistration(this IServiceCollection services) => services.AddSingleton<JobRegistrar>();

    /// <summary>Adds registrations by message, next to those by the operations API.</summary>
    public static IServiceCollection AddRegistrationQueue(this IServiceCollection services)
    {
        // Has its own outage state: a registration that cannot be stored must not stop the events.
        services.AddKeyedSingleton<DatabaseOutage>(Topology.RegisterJobQueue);
        services.AddKeyedSingleton(
            Topology.RegisterJobQueue,
            (provider, queue) => ActivatorUtilities.CreateInstance<SingleWrites>(provider, provider.GetRequiredKeyedService<DatabaseOutage>(queue)));
        services.AddQueueConsumer(
            Topology.RegisterJobQueue,
            provider => provider.GetRequiredKeyedService<DatabaseOutage>(Topology.RegisterJobQueue),
            (context, endpoint) => context.ConfigureConsumer<RegisterJobConsumer>(endpoint));
        return services;
    }

    public static void AddRegistrationConsumers(this IRegistrationConfigurator bus) =>
        bus.AddConsumer<RegisterJobConsumer, RegisterJobDefinition>();
}
