using MassTransit;
using Platform.Contracts;
using Platform.ServiceDefaults.Settings;
using Processor.Worker.Accounting;
using Processor.Worker.Events;
using Processor.Worker.Persistence;

namespace Processor.Worker.Consumers;

internal static class ConsumerSetup
{
    public static IServiceCollection AddEvents(this IServiceCollection services)
    {
        services.AddSettings<EventOptions>(EventOptions.Section);
        services.AddQueueConsumer(Topology.WebhookReceivedQueue, provider => provider.GetRequiredService<DatabaseOutage>(), (context, endpoint) =>
        {
            context.ConfigureConsumer<WebhookReceivedConsumer>(endpoint);
            context.ConfigureConsumer<WebhookQuarantinedConsumer>(endpoint);
            context.ConfigureConsumer<PublishesConfirmedConsumer>(endpoint);
        });
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<ConsumerWatchdog>(provider, IsConsuming(provider)));
        return services;
    }

    /// <summary>Consumes from a queue; see <see cref="QueueConsumer"/>.</summary>
    public static void AddQueueConsumer(
        this IServiceCollection services,
        string queue,
        Func<IServiceProvider, DatabaseOutage> outage,
        Action<IRegistrationContext, IReceiveEndpointConfigurator> configure)
    {
        services.AddKeyedSingleton(queue, (provider, _) => ActivatorUtilities.CreateInstance<QueueConsumer>(provider, queue, outage(provider), configure));
        services.AddSingleton(provider => provider.GetRequiredKeyedService<QueueConsumer>(queue));
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredKeyedService<QueueConsumer>(queue));
    }

    public static void AddEventConsumers(this IRegistrationConfigurator bus)
    {
        bus.AddConsumer<WebhookReceivedConsumer, WebhookReceivedDefinition>();
        bus.AddConsumer<WebhookQuarantinedConsumer, WebhookQuarantinedDefinition>();
    }

    private static Func<bool> IsConsuming(IServiceProvider provider)
    {
        var consumer = provider.GetRequiredKeyedService<QueueConsumer>(Topology.WebhookReceivedQueue);
        var outage = provider.GetRequiredService<DatabaseOutage>();
        return () => consumer.IsAttached && !outage.IsOn;
    }
}
