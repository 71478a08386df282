using System.Net;
using Platform.ServiceDefaults.Settings;

namespace Processor.Worker.Notifications;

internal static class NotificationSetup
{
    public static IServiceCollection AddNotifications(this IServiceCollection services)
    {
        services.AddSettings<NotificationOptions>(NotificationOptions.Section);
        services.AddSettings<EmailOptions>(EmailOptions.Section);
        services.AddSettings<OutgoingWebhookOptions>(OutgoingWebhookOptions.Section);
        services.AddSingleton<NotificationQueue>();
        services.AddSingleton<NotificationSettler>();
        services.AddSingleton<TargetGuard>();
        services.AddSingleton<ResolveHost>((host, cancellationToken) => Dns.GetHostAddressesAsync(host, cancellationToken));
        services.AddHostedService<NotificationGauges>();
        services.AddChannel<EmailChannel>();
        services.AddChannel<WebhookChannel>();
        services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(35));
        return services;
    }

    private static void AddChannel<T>(this IServiceCollection services)
        where T : class, INotificationChannel
    {
        services.AddSingleton<T>();
        services.AddSingleton<INotificationChannel>(provider => provider.GetRequiredService<T>());
        services.AddSingleton<IHostedService>(
            provider => ActivatorUtilities.CreateInstance<NotificationDispatcher>(provider, provider.GetRequiredService<T>()));
    }
}
