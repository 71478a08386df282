namespace Processor.Worker.Migrate;

internal static class MigrationSetup
{
    /// <summary>Makes a running worker wait for <c>migrate</c>.</summary>
    public static IServiceCollection AddMigrationGate(this IServiceCollection services, Roles roles = Roles.All)
    {
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<MigrationGate>(provider, roles));
        services.AddHostedService(provider => provider.GetRequiredService<MigrationGate>());
        return services;
    }
}
