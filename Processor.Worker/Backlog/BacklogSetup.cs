namespace Processor.Worker.Backlog;

internal static class BacklogSetup
{
    public static IServiceCollection AddBacklog(this IServiceCollection services)
    {
        services.AddSingleton<BacklogGauges>();
        services.AddHostedService<BacklogSampler>();
        return services;
    }
}
