using System.Diagnostics.Metrics;
using Processor.Worker.Persistence;

namespace Processor.Worker.Inbox;

/// <summary>Gauges read at each scrape, so they cost nothing per message.</summary>
internal sealed class InboxGauges(IMeterFactory meters, GroupCommitter committer, DatabaseOutage outage, ConsumerLimits limits) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        var meter = meters.Create(ProcessorMetrics.MeterName);
        meter.CreateObservableGauge(
            "inbox.units.waiting", () => committer.UnitsWaiting, "{unit}",
            "Messages handed over to be committed, and not committed yet.");
        meter.CreateObservableGauge(
            "inbox.oldest_unit.age", () => committer.OldestUnitAge.TotalSeconds, "s",
            "How long the oldest of these messages has been waiting; 0 when there is none.");
        meter.CreateObservableGauge(
            "inbox.concurrency_limit", () => limits.InWork, "{message}",
            "Maximum number of messages in flight: lower after a run that did not end cleanly.");
        meter.CreateObservableGauge(
            "database.outage", () => outage.IsOn ? 1 : 0, null,
            "1 while the database is unavailable and consumption is paused.");
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
