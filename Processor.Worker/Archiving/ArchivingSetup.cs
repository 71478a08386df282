using System.Net;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Platform.ServiceDefaults.Settings;
using Processor.Worker.Archive;
using Processor.Worker.Downloads;
using Processor.Worker.Notifications;
using Processor.Worker.Persistence;

namespace Processor.Worker.Archiving;

internal static class ArchivingSetup
{
    public static IServiceCollection AddArchiving(this IServiceCollection services)
    {
        services.AddArchiveLinks();
        services.AddDownloads();
        // The guard takes the allowed and denied targets of outgoing webhooks.
        services.AddSettings<OutgoingWebhookOptions>(OutgoingWebhookOptions.Section);
        services.TryAddSingleton<TargetGuard>();
        services.TryAddSingleton<ResolveHost>((host, cancellationToken) => Dns.GetHostAddressesAsync(host, cancellationToken));
        services.AddReplicaLock(AdvisoryLocks.Archive);
        services.AddSingleton<ArchiveQueue>();
        services.AddSingleton<DownloadSource>();
        services.AddSingleton<DownloadCopier>();
        services.AddSingleton<FileArchiver>();
        services.AddSingleton<Archiver>();
        services.AddHostedService(provider => provider.GetRequiredService<Archiver>());
        services.AddHostedService<ArchivingGauges>();
        return services;
    }
}
