using System.Diagnostics.Metrics;
using Processor.Worker.Persistence;

namespace Processor.Worker.Archiving;

/// <summary>The state of this replica. What is left to archive is sampled with the rest of the database (<c>Backlog/</c>).</summary>
internal sealed class ArchivingGauges(IMeterFactory meters, [FromKeyedServices(AdvisoryLocks.Archive)] ReplicaLock locks) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        meters.Create(ProcessorMetrics.MeterName).CreateObservableGauge(
            "archive.active", () => locks.IsHeld ? 1 : 0, null,
            "1 on the replica that copies downloads to the archive, 0 on the others.");
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
