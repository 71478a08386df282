using System.Diagnostics.Metrics;

namespace Processor.Worker.Inbox;

/// <summary>What is looked at when somebody asks for the metrics: it costs a message nothing.</summary>
internal sealed class InboxGauges(IMeterFactory meters, GroupCommitter committer, DatabaseOutage outage) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        var meter = meters.Create(ProcessorMetrics.MeterName);
        meter.CreateObservableGauge(
            "inbox.units.waiting", () => committer.UnitsWaiting, "{unit}",
            "Messages handed over to be committed, and not committed yet.");
        meter.CreateObservableGauge(
            "inbox.oldest_unit.age", () => committer.OldestUnitAge.TotalSeconds, "s",
            "How long the oldest of them has been waiting; 0 when there is none.");
        meter.CreateObservableGauge(
            "database.outage", () => outage.IsOn ? 1 : 0, null,
            "1 while the database takes nothing, and nothing is consumed.");
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
