using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Processor.Worker.Downloads;

internal static class DownloadSetup
{
    /// <summary>May be called by several roles of a process.</summary>
    public static IServiceCollection AddDownloads(this IServiceCollection services)
    {
        services.TryAddSingleton<DownloadRefreshes>();
        services.TryAddSingleton<FreshDownloads>();
        return services;
    }
}
