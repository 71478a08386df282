using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Processor.Worker.Persistence;

internal static class PersistenceSetup
{
    public static IServiceCollection AddPersistence(this IServiceCollection services)
    {
        services.AddSettings<ConnectionOptions>(ConnectionOptions.Section);
        services.AddSettings<BrokerOptions>(BrokerOptions.Section);
        services.AddSingleton(provider => CreateDataSource(provider.GetRequiredService<IOptions<ConnectionOptions>>().Value, provider));
        services.AddDbContextFactory<ProcessorDbContext>((provider, db) => db.UseNpgsql(provider.GetRequiredService<NpgsqlDataSource>()));
        services.AddSingleton<BrokerTopology>();
        services.AddSingleton<BrokerManagement>();
        services.AddTransient<BrokerPublisher>();
        services.AddSingleton<DatabaseSchema>();
        return services;
    }

    /// <summary>What a running worker needs beside <see cref="AddPersistence"/>.</summary>
    public static IServiceCollection AddMigrationGate(this IServiceCollection services)
    {
        services.AddSingleton<MigrationGate>();
        services.AddHostedService(provider => provider.GetRequiredService<MigrationGate>());
        services.AddHostedService<BodyPartitions>();
        return services;
    }

    private static NpgsqlDataSource CreateDataSource(ConnectionOptions options, IServiceProvider provider)
    {
        var connection = new NpgsqlConnectionStringBuilder(options.Postgres);
        // Compiling a plan costs more than these short statements; with it on, a group takes 25 times as long.
        // A plan that was made while a table was small would read all of it, and is kept while the table grows.
        // A lock that is not to be had, or a process that was halted within a transaction, must not hold up the others for long.
        connection.Options ??= "-c jit=off -c enable_seqscan=off -c lock_timeout=5s -c idle_in_transaction_session_timeout=10s";
        connection.MaxAutoPrepare = Math.Max(connection.MaxAutoPrepare, 32);
        // What a transaction sets here ends with it; to wipe a session clean would be five more statements for each.
        connection.NoResetOnClose = true;
        connection.ApplicationName ??= "processor-worker";
        return new NpgsqlDataSourceBuilder(connection.ConnectionString)
        {
            // The name shows in metrics; it would be the connection string otherwise.
            Name = "processor-worker",
        }.UseLoggerFactory(provider.GetRequiredService<ILoggerFactory>()).ConfigureTracing(TraceWhatBelongsToASpan).Build();
    }

    // What is looked for now and then, and mostly in vain, would be a trace of one span every few seconds.
    private static void TraceWhatBelongsToASpan(NpgsqlTracingOptionsBuilder tracing)
    {
        tracing.ConfigureCommandFilter(_ => Activity.Current is not null);
        tracing.ConfigureBatchFilter(_ => Activity.Current is not null);
        tracing.EnablePhysicalOpenTracing(false);
    }
}
