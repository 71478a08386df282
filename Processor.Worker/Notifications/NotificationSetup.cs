using System.Net;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Platform.ServiceDefaults.Settings;
using Processor.Worker.Archive;
using Processor.Worker.Downloads;

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
        services.AddDownloads();
        services.AddArchiveLinks();
        services.AddSingleton<NotificationDownloads>();
        services.TryAddSingleton<TargetGuard>();
        services.TryAddSingleton<ResolveHost>((host, cancellationToken) => Dns.GetHostAddressesAsync(host, cancellationToken));
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
