using MassTransit;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Platform.Contracts;
using Processor.Worker.Broker;
using Processor.Worker.Persistence;

namespace Processor.Worker.Migrate;

/// <summary>
/// The verb <c>migrate</c>: updates the schema, the topology and the rights of the database roles of the workers. Safe to run twice, also
/// concurrently; exits with 0 when all three are in place.
/// </summary>
internal static class MigrateCommand
{
    private const int DeployAttempts = 3;

    private static readonly TimeSpan DeployTimeout = TimeSpan.FromSeconds(20);

    public static async Task<int> RunAsync(IServiceProvider services, TextWriter output, CancellationToken cancellationToken)
    {
        try
        {
            await services.GetRequiredService<DatabaseSession>().VerifyAsync(cancellationToken);
            var applied = await services.GetRequiredService<DatabaseSchema>().MigrateAsync(cancellationToken);
            output.WriteLine(applied.Count == 0 ? "schema: up to date" : $"schema: applied {string.Join(", ", applied)}");

            // Queues come first: wrong arguments are an error here, but cause endless reconnects in the bus.
            var topology = services.GetRequiredService<BrokerTopology>();
            await topology.DeclareAsync(cancellationToken);
            await DeployAsync(services.GetRequiredService<Func<IBusControl>>(), DeployTimeout, services.GetRequiredService<TimeProvider>(), cancellationToken);
            await topology.VerifyAsync(cancellationToken);
            output.WriteLine($"topology: {string.Join(", ", Topology.Queues.Keys)} and their exchanges are in place");

            // Rights come last: a missing role affects only the workers that log in with it.
            output.WriteLine($"rights: {await services.GetRequiredService<DatabaseRights>().GrantAsync(cancellationToken)}");
            return 0;
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            VerbFailure.Write("migrate", exception);
            return 1;
        }
    }

    /// <summary>
    /// With <c>--plan</c>: prints what would be done, the schema as a script that psql accepts, and does nothing. Exits with 0 whether or not something is pending.
    /// </summary>
    public static async Task<int> PlanAsync(IServiceProvider services, TextWriter output, CancellationToken cancellationToken)
    {
        try
        {
            await services.GetRequiredService<DatabaseSession>().VerifyAsync(cancellationToken);
            var pending = await MigrationPlan.ReadAsync(
                services.GetRequiredService<NpgsqlDataSource>(), services.GetRequiredService<IDbContextFactory<ProcessorDbContext>>(), cancellationToken);
            output.WriteLine(pending.Count == 0 ? "-- schema: up to date" : $"-- schema: would apply {string.Join(", ", pending.Select(migration => migration.Id))}");
            foreach (var migration in pending)
            {
                output.WriteLine($"\n-- {migration.Id}\n{string.Concat(migration.Statements.Select(statement => $"{statement};\n"))}");
            }

            var stands = await services.GetRequiredService<BrokerTopology>().ExistsAsync(cancellationToken);
            output.WriteLine($"-- topology: {(stands ? "the queues exist; would declare them again, with their exchanges" : "would declare queues and exchanges")}");
            output.WriteLine($"-- rights: {services.GetRequiredService<DatabaseRights>().Plan}");
            return 0;
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            VerbFailure.Write("migrate --plan", exception);
            return 1;
        }
    }

    /// <summary>Declares the exchanges and bindings of the bus.</summary>
    /// <param name="createBus">Called for each attempt.</param>
    /// <param name="limit">Of each attempt.</param>
    /// <exception cref="TimeoutException">All attempts took longer, even if the bus ignores its token.</exception>
    internal static async Task DeployAsync(Func<IBusControl> createBus, TimeSpan limit, TimeProvider time, CancellationToken cancellationToken)
    {
        for (var attempt = 1; attempt <= DeployAttempts; attempt++)
        {
            using var timeout = new CancellationTokenSource(limit, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
            try
            {
                // A bus that is stopped while an endpoint starts may wait for that endpoint for ever; another one may not.
                await createBus().DeployAsync(either.Token).WaitAsync(either.Token);
                return;
            }
            catch (OperationCanceledException) when (timeout.IsCancellationRequested)
            {
                // Declaring again changes nothing.
            }
        }

        throw new TimeoutException($"The exchanges were not declared within {DeployAttempts * limit.TotalSeconds:0} s. Run it again.");
    }
}
