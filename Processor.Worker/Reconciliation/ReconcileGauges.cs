using System.Diagnostics.Metrics;
using Processor.Worker.Persistence;

namespace Processor.Worker.Reconciliation;

/// <summary>The state of this replica. The backlog of checks is sampled with the rest of the database (<c>Backlog/</c>).</summary>
internal sealed class ReconcileGauges(
    IMeterFactory meters, [FromKeyedServices(AdvisoryLocks.Reconcile)] ReplicaLock locks, AskingPause pause, RequestBudget budget) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        var meter = meters.Create(ProcessorMetrics.MeterName);
        meter.CreateObservableGauge(
            "reconcile.active", () => locks.IsHeld ? 1 : 0, null,
            "1 on the replica that reconciles, 0 on the others.");
        meter.CreateObservableGauge(
            "reconcile.key.rejected", () => pause.IsKeyRejected ? 1 : 0, null,
            "1 while Magic Hour's API rejects the key.");
        meter.CreateObservableGauge(
            "reconcile.budget.used", () => budget.Used, null,
            "The part of Reconcile__RequestsPerSecond in use, from 0 to 1.");
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
