using Npgsql;
using OpenTelemetry.Trace;
using Platform.Contracts;
using Processor.Worker.Broker;
using Processor.Worker.Migrate;
using Processor.Worker.Persistence;

namespace Processor.Worker.Release;

/// <summary>
/// The verb <c>release</c>: puts parked messages back at the start of the pipeline. Safe to run twice, also concurrently: a message
/// released twice is applied once. Exits with 0 when it has finished, even if it kept messages, and with 1 on a failure or when a
/// message requested by its id was not found.
/// </summary>
internal static class ReleaseCommand
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(30);

    public static async Task<int> RunAsync(IServiceProvider services, ReleaseRequest request, CancellationToken cancellationToken)
    {
        // The host is never started, so its handling of Ctrl-C and its tracing are started here.
        await services.GetRequiredService<IHostLifetime>().WaitForStartAsync(cancellationToken);
        services.GetService<TracerProvider>();
        var report = new ReleaseReport(request, Console.Out, services.GetRequiredService<TimeProvider>());
        try
        {
            await ReleaseAsync(services, request, report, cancellationToken);
            report.Summarize();
            return report.IsComplete ? 0 : 1;
        }
        catch (Exception exception)
        {
            report.Summarize();
            VerbFailure.Write("release", exception);
            Console.Error.WriteLine("Run it again for the rest: a message released twice is applied once.");
            return 1;
        }
    }

    private static async Task ReleaseAsync(
        IServiceProvider services, ReleaseRequest request, ReleaseReport report, CancellationToken cancellationToken)
    {
        await services.GetRequiredService<DatabaseSession>().VerifyAsync(cancellationToken);
        if (!await services.GetRequiredService<BrokerTopology>().ExistsAsync(cancellationToken))
        {
            throw new InvalidOperationException("The queues do not exist; 'Processor.Worker migrate' declares them.");
        }

        await (request.Source switch
        {
            ReleaseSource.Error => ReleaseQueueAsync(Topology.ErrorQueue, services, request, report, cancellationToken),
            ReleaseSource.Dead => ReleaseQueueAsync(Topology.DeadLetterQueue, services, request, report, cancellationToken),
            ReleaseSource.Quarantined => ReleaseQuarantinedAsync(services, request, report, cancellationToken),
            _ => throw new InvalidOperationException($"Unknown source {request.Source}."),
        });
    }

    private static async Task ReleaseQueueAsync(
        string queue, IServiceProvider services, ReleaseRequest request, ReleaseReport report, CancellationToken cancellationToken)
    {
        var time = services.GetRequiredService<TimeProvider>();
        var database = services.GetRequiredService<NpgsqlDataSource>();
        var connector = services.GetRequiredService<BrokerConnector>();
        await using var place = await ParkedQueue.OpenAsync(queue, connector, time, cancellationToken);
        await new ReleaseRun<ParkedDelivery>(place, database, request, report, time).RunAsync(cancellationToken);
    }

    private static async Task ReleaseQuarantinedAsync(
        IServiceProvider services, ReleaseRequest request, ReleaseReport report, CancellationToken cancellationToken)
    {
        await using var publisher = services.GetRequiredService<BrokerPublisher>();
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(ConnectTimeout);
        await publisher.OpenAsync(timeout.Token);
        var database = services.GetRequiredService<NpgsqlDataSource>();
        var time = services.GetRequiredService<TimeProvider>();
        await new ReleaseRun<QuarantinedBody>(new QuarantinedBodies(database, publisher, time), database, request, report, time).RunAsync(cancellationToken);
    }
}
