using MassTransit;
using Platform.Contracts;
using Processor.Worker.Inbox;

namespace Processor.Worker.Events;

internal static class EventSetup
{
    public static IServiceCollection AddEvents(this IServiceCollection services)
    {
        services.AddSettings<EventOptions>(EventOptions.Section);
        services.AddConsumption(Topology.WebhookReceivedQueue, provider => provider.GetRequiredService<DatabaseOutage>(), (context, endpoint) =>
        {
            context.ConfigureConsumer<WebhookReceivedConsumer>(endpoint);
            context.ConfigureConsumer<WebhookQuarantinedConsumer>(endpoint);
        });
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<Attachment>(provider, IsBelieved(provider)));
        return services;
    }

    /// <summary>Consumes from a queue; see <see cref="Consumption"/>.</summary>
    public static void AddConsumption(
        this IServiceCollection services,
        string queue,
        Func<IServiceProvider, DatabaseOutage> outage,
        Action<IRegistrationContext, IReceiveEndpointConfigurator> configure)
    {
        services.AddKeyedSingleton(queue, (provider, _) => ActivatorUtilities.CreateInstance<Consumption>(provider, queue, outage(provider), configure));
        services.AddSingleton(provider => provider.GetRequiredKeyedService<Consumption>(queue));
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredKeyedService<Consumption>(queue));
    }

    public static void AddEventConsumers(this IRegistrationConfigurator bus)
    {
        bus.AddConsumer<WebhookReceivedConsumer, WebhookReceivedDefinition>();
        bus.AddConsumer<WebhookQuarantinedConsumer, WebhookQuarantinedDefinition>();
    }

    private static Func<bool> IsBelieved(IServiceProvider provider)
    {
        var consumption = provider.GetRequiredKeyedService<Consumption>(Topology.WebhookReceivedQueue);
        var outage = provider.GetRequiredService<DatabaseOutage>();
        return () => consumption.IsAttached && !outage.IsOn;
    }
}
