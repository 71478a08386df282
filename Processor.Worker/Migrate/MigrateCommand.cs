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
    private static readonly TimeSpan DeployTimeout = TimeSpan.FromSeconds(30);

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
            await DeployAsync(services.GetRequiredService<IBusControl>(), cancellationToken);
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

    private static async Task DeployAsync(IBusControl bus, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(DeployTimeout);
        await bus.DeployAsync(timeout.Token);
    }
}
