using MassTransit;

namespace Processor.Worker.Events;

internal static class EventSetup
{
    public static IServiceCollection AddEvents(this IServiceCollection services)
    {
        services.AddSettings<EventOptions>(EventOptions.Section);
        services.AddSingleton<Consumption>();
        services.AddHostedService(provider => provider.GetRequiredService<Consumption>());
        return services;
    }

    public static void AddEventConsumers(this IRegistrationConfigurator bus)
    {
        bus.AddConsumer<WebhookReceivedConsumer, WebhookReceivedDefinition>();
        bus.AddConsumer<WebhookQuarantinedConsumer, WebhookQuarantinedDefinition>();
    }
}
