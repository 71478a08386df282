using Platform.ServiceDefaults.Settings;

namespace Ingress.Api.Publishing;

internal static class PublishingSetup
{
    public static IServiceCollection AddPublishing(this IServiceCollection services)
    {
        services.AddSettings<ConnectionOptions>(ConnectionOptions.Section);
        services.AddSettings<BrokerOptions>(BrokerOptions.Section);
        services.AddSettings<AccountingOptions>(AccountingOptions.Section);
        services.AddSingleton<EventPublisher>();
        services.AddSingleton<PublishNumbers>();
        services.AddSingleton<PublishQueue>();
        services.AddSingleton<PublishBreaker>();
        services.AddSingleton<PublishWatchdog>();
        services.AddSingleton<BrokerHealth>();
        services.AddSingleton<PublisherConnection>();
        services.AddHostedService(provider => provider.GetRequiredService<PublisherConnection>());
        // After the connection: hosted services stop in reverse order, and the last report needs it.
        services.AddHostedService<ConfirmReporter>();
        services.AddHostedService<PublishingGauges>();
        return services;
    }
}
