using Platform.ServiceDefaults.Settings;

namespace Ingress.Api.Publishing;

internal static class PublishingSetup
{
    public static IServiceCollection AddPublishing(this IServiceCollection services)
    {
        services.AddSettings<ConnectionOptions>(ConnectionOptions.Section);
        services.AddSettings<BrokerOptions>(BrokerOptions.Section);
        services.AddSingleton<EventPublisher>();
        services.AddSingleton<PublishQueue>();
        services.AddSingleton<PublishBreaker>();
        services.AddSingleton<PublishWatchdog>();
        services.AddSingleton<BrokerHealth>();
        services.AddSingleton<PublisherConnection>();
        services.AddHostedService(provider => provider.GetRequiredService<PublisherConnection>());
        services.AddHostedService<PublishingGauges>();
        return services;
    }
}
