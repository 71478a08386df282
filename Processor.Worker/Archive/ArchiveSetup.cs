using Microsoft.Extensions.DependencyInjection.Extensions;
using Platform.ServiceDefaults.Settings;

namespace Processor.Worker.Archive;

internal static class ArchiveSetup
{
    /// <summary>Links to the archive. May be called by several roles of a process.</summary>
    public static IServiceCollection AddArchiveLinks(this IServiceCollection services)
    {
        services.AddSettings<ArchiveOptions>(ArchiveOptions.Section);
        services.TryAddSingleton<ArchiveStore>();
        services.TryAddSingleton<ArchiveLinks>();
        return services;
    }
}
