using Platform.ServiceDefaults.Settings;

namespace Processor.Worker.Retention;

internal static class RetentionSetup
{
    /// <summary>The windows, on which other features depend too, and a run.</summary>
    public static IServiceCollection AddRetention(this IServiceCollection services)
    {
        services.AddSettings<RetentionOptions>(RetentionOptions.Section);
        return services.AddSingleton<RetentionRun>();
    }

    /// <summary>Runs it at set times.</summary>
    public static IServiceCollection AddRetentionSchedule(this IServiceCollection services) => services.AddHostedService<RetentionSchedule>();
}
