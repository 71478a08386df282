using MassTransit;
using Platform.Contracts;

namespace Processor.Worker.Persistence;

/// <summary>
/// The verb <c>migrate</c>: owns schema and topology. Safe to run twice and at the same time; exits with 0 when both stand.
/// </summary>
internal static class MigrateCommand
{
    private static readonly TimeSpan DeployTimeout = TimeSpan.FromSeconds(30);

    public static async Task<int> RunAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        try
        {
            var applied = await services.GetRequiredService<DatabaseSchema>().MigrateAsync(cancellationToken);
            Console.WriteLine(applied.Count == 0 ? "schema: up to date" : $"schema: applied {string.Join(", ", applied)}");

            // Queues first: with wrong arguments they are an error here, and an endless reconnect in the bus.
            var topology = services.GetRequiredService<BrokerTopology>();
            await topology.DeclareAsync(cancellationToken);
            await DeployAsync(services.GetRequiredService<IBusControl>(), cancellationToken);
            await topology.VerifyAsync(cancellationToken);
            Console.WriteLine($"topology: {string.Join(", ", Topology.Queues.Keys)} and their exchanges stand");
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
