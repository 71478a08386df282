using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Npgsql;
using Platform.ServiceDefaults.Settings;

namespace Processor.Worker.Persistence;

internal static class PersistenceSetup
{
    // About twice the number of statements on the hot path. Max Auto Prepare in the connection string takes precedence.
    private const int PreparedStatements = 32;

    public static IServiceCollection AddPersistence(this IServiceCollection services)
    {
        services.AddSettings<ConnectionOptions>(ConnectionOptions.Section);
        services.AddSingleton(provider => CreateDataSource(provider.GetRequiredService<IOptions<ConnectionOptions>>().Value, provider));
        services.AddDbContextFactory<ProcessorDbContext>((provider, db) => db.UseNpgsql(provider.GetRequiredService<NpgsqlDataSource>()));
        services.AddSingleton<DatabaseSession>();
        services.AddSingleton<DatabaseSchema>();
        return services;
    }

    /// <summary>Services that <c>migrate</c> needs in addition to <see cref="AddPersistence"/>.</summary>
    public static IServiceCollection AddDatabaseRights(this IServiceCollection services)
    {
        services.AddSettings<DatabaseRoleOptions>(DatabaseRoleOptions.Section);
        return services.AddSingleton<DatabaseRights>();
    }

    private static NpgsqlDataSource CreateDataSource(ConnectionOptions options, IServiceProvider provider)
    {
        var connection = new NpgsqlConnectionStringBuilder(options.Postgres);
        SessionSettings.Apply(connection);
        if (!connection.ShouldSerialize("Max Auto Prepare"))
        {
            connection.MaxAutoPrepare = PreparedStatements;
        }

        // Settings made here end with their transaction; resetting the session would cost five more statements each.
        connection.NoResetOnClose = true;
        connection.ApplicationName ??= "processor-worker";
        return new NpgsqlDataSourceBuilder(connection.ConnectionString)
        {
            // The name appears in metrics; by default it would be the connection string.
            Name = "processor-worker",
        }.UseLoggerFactory(provider.GetRequiredService<ILoggerFactory>()).ConfigureTracing(TraceWhatBelongsToASpan).Build();
    }

    // Periodic queries, which mostly find nothing, would create a trace of one span every few seconds.
    private static void TraceWhatBelongsToASpan(NpgsqlTracingOptionsBuilder tracing)
    {
        tracing.ConfigureCommandFilter(_ => Activity.Current is not null);
        tracing.ConfigureBatchFilter(_ => Activity.Current is not null);
        tracing.EnablePhysicalOpenTracing(false);
    }
}
