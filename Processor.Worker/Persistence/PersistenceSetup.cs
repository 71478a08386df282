using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
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
        services.AddSettings<DatabaseOptions>(DatabaseOptions.Section);
        services.AddSingleton<DirectSessions>();
        services.AddSingleton(provider => CreateDataSource("processor-worker", null, provider));
        services.AddDbContextFactory<ProcessorDbContext>((provider, db) => db.UseNpgsql(provider.GetRequiredService<NpgsqlDataSource>())
            // Indexes of large tables are built without a transaction, in migrations that may be repeated.
            .ConfigureWarnings(warnings => warnings.Ignore(RelationalEventId.NonTransactionalMigrationOperationWarning)));
        services.AddSingleton<DatabaseSession>();
        services.AddSingleton<DatabaseSchema>();
        return services;
    }

    /// <summary>The lock of a task that one replica does, as a keyed service.</summary>
    /// <param name="name">One of <see cref="AdvisoryLocks"/>.</param>
    public static IServiceCollection AddReplicaLock(this IServiceCollection services, string name) =>
        services.AddKeyedSingleton(name, (provider, _) => ActivatorUtilities.CreateInstance<ReplicaLock>(provider, name));

    /// <summary>Bypasses the pooler, for verbs whose work needs a session.</summary>
    public static IServiceCollection AddDirectConnection(this IServiceCollection services)
    {
        services.AddOptions<ConnectionOptions>().PostConfigure<IOptions<DatabaseOptions>>((connections, database) =>
            connections.Postgres = database.Value.Direct ?? connections.Postgres);
        return services.PostConfigure<DatabaseOptions>(database => database.Pooler = DatabasePooler.None);
    }

    /// <summary>Services that <c>migrate</c> needs in addition to <see cref="AddPersistence"/>.</summary>
    public static IServiceCollection AddDatabaseRights(this IServiceCollection services)
    {
        services.AddSettings<DatabaseRoleOptions>(DatabaseRoleOptions.Section);
        return services.AddSingleton<DatabaseRights>();
    }

    /// <param name="name">The name in metrics, and in the list of sessions unless the connection string has one.</param>
    /// <param name="limits">Null for those in the connection string.</param>
    public static NpgsqlDataSource CreateDataSource(string name, PoolLimits? limits, IServiceProvider provider)
    {
        var connection = new NpgsqlConnectionStringBuilder(provider.GetRequiredService<IOptions<ConnectionOptions>>().Value.Postgres);
        if (provider.GetRequiredService<IOptions<DatabaseOptions>>().Value.Pooler is DatabasePooler.Transaction)
        {
            // The next transaction may run in a session that has neither its settings nor its prepared statements.
            connection.MaxAutoPrepare = 0;
            SessionSettings.ApplyTracked(connection);
        }
        else
        {
            SessionSettings.Apply(connection);
            connection.Options = $"{connection.Options} {limits?.Options}".TrimEnd();
            connection.MaxAutoPrepare = connection.ShouldSerialize("Max Auto Prepare") ? connection.MaxAutoPrepare : PreparedStatements;
        }

        connection.MaxPoolSize = limits?.MaxConnections ?? connection.MaxPoolSize;
        connection.CommandTimeout = limits?.TimeoutSeconds ?? connection.CommandTimeout;

        // Settings made here end with their transaction; resetting the session would cost five more statements each.
        connection.NoResetOnClose = true;
        connection.ApplicationName ??= name;
        return new NpgsqlDataSourceBuilder(connection.ConnectionString)
        {
            // The name appears in metrics; by default it would be the connection string.
            Name = name,
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

/// <summary>What a data source of its own may use.</summary>
/// <param name="MaxConnections">Connections of one process.</param>
/// <param name="TimeoutSeconds">Time until a command fails.</param>
/// <param name="Options">Settings of its sessions, which take precedence over all others. Not behind a pooler of transactions.</param>
internal sealed record PoolLimits(int MaxConnections, int TimeoutSeconds, string Options);
