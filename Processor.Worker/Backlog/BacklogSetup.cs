namespace Processor.Worker.Backlog;

internal static class BacklogSetup
{
    public static IServiceCollection AddBacklog(this IServiceCollection services, Roles roles)
    {
        services.AddSingleton<BacklogGauges>();
        services.AddSingleton<MissingRoutes>();
        services.AddHostedService(provider => ActivatorUtilities.CreateInstance<BacklogSampler>(provider, roles));
        return services;
    }
}
