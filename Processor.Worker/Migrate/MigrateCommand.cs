using MassTransit;
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
    private static readonly TimeSpan DeployTimeout = TimeSpan.FromSeconds(60);

    public static async Task<int> RunAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        try
        {
            await services.GetRequiredService<DatabaseSession>().VerifyAsync(cancellationToken);
            var applied = await services.GetRequiredService<DatabaseSchema>().MigrateAsync(cancellationToken);
            Console.WriteLine(applied.Count == 0 ? "schema: up to date" : $"schema: applied {string.Join(", ", applied)}");

            // Queues come first: wrong arguments are an error here, but cause endless reconnects in the bus.
            var topology = services.GetRequiredService<BrokerTopology>();
            await topology.DeclareAsync(cancellationToken);
            await DeployAsync(services.GetRequiredService<IBusControl>(), DeployTimeout, services.GetRequiredService<TimeProvider>(), cancellationToken);
            await topology.VerifyAsync(cancellationToken);
            Console.WriteLine($"topology: {string.Join(", ", Topology.Queues.Keys)} and their exchanges are in place");

            // Rights come last: a missing role affects only the workers that log in with it.
            Console.WriteLine($"rights: {await services.GetRequiredService<DatabaseRights>().GrantAsync(cancellationToken)}");
            return 0;
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            VerbFailure.Write("migrate", exception);
            return 1;
        }
    }

    /// <summary>Declares the exchanges and bindings of the bus.</summary>
    /// <exception cref="TimeoutException">It took longer, even if the bus ignores its token.</exception>
    internal static async Task DeployAsync(IBusControl bus, TimeSpan limit, TimeProvider time, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            // A bus that is stopped while an endpoint starts may wait for that endpoint for ever.
            await bus.DeployAsync(either.Token).WaitAsync(either.Token);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested)
        {
            throw new TimeoutException($"The exchanges were not declared within {limit.TotalSeconds:0} s. Run it again.");
        }
    }
}
