using Npgsql;
using OpenTelemetry.Trace;
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

        await ActivatorUtilities.CreateInstance<ParkingPlaces>(services).UseAsync(
            request.Source, new ReleaseAction(services.GetRequiredService<NpgsqlDataSource>(), request, report, services.GetRequiredService<TimeProvider>()), cancellationToken);
    }
}
