using Processor.Worker.Hosting;
using Processor.Worker.Persistence;

namespace Processor.Worker.Migrate;

internal static class MigrationSetup
{
    /// <summary>Services that <c>migrate</c> needs in addition to those of the database and the broker.</summary>
    public static IServiceCollection AddMigrate(this IServiceCollection services) => services
        .AddTopologyDeployment()
        .AddDirectConnection()
        .AddDatabaseRights();

    /// <summary>Makes a running worker wait for <c>migrate</c>.</summary>
    public static IServiceCollection AddMigrationGate(this IServiceCollection services, Roles roles = Roles.All)
    {
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<MigrationGate>(provider, roles));
        services.AddHostedService(provider => provider.GetRequiredService<MigrationGate>());
        return services;
    }
}
