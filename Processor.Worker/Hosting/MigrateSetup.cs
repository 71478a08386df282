using Processor.Worker.Persistence;

namespace Processor.Worker.Hosting;

internal static class MigrateSetup
{
    /// <summary>Services that the verb <c>migrate</c> needs in addition to those of the database and the broker.</summary>
    public static IServiceCollection AddMigrate(this IServiceCollection services) => services
        .AddTopologyDeployment()
        .AddDirectConnection()
        .AddDatabaseRights();
}
