using System.Diagnostics;
using System.Diagnostics.Metrics;
using Processor.Worker.Inbox;

namespace Processor.Worker;

/// <summary>Every metric of this service: one method for each fact.</summary>
internal sealed class ProcessorMetrics
{
    public const string MeterName = "Processor.Worker";

    private readonly Counter<long> _committed;
    private readonly Histogram<long> _groupSize;
    private readonly Histogram<double> _groupDuration;
    private readonly Counter<long> _outboxPublished;

    public ProcessorMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        _committed = meter.CreateCounter<long>("inbox.units.committed", "{unit}", "Messages committed, by outcome.");
        _groupSize = meter.CreateHistogram<long>("inbox.group.size", "{unit}", "Messages committed in one transaction.");
        _groupDuration = meter.CreateHistogram<double>("inbox.group.duration", "s", "Time to commit one group.");
        _outboxPublished = meter.CreateCounter<long>("outbox.messages.published", "{message}", "Domain events published and confirmed.");
    }

    public void GroupCommitted(IReadOnlyList<CommitOutcome> outcomes, TimeSpan duration)
    {
        _groupSize.Record(outcomes.Count);
        _groupDuration.Record(duration.TotalSeconds);
        foreach (var outcome in outcomes)
        {
            _committed.Add(1, new TagList { { "outcome", outcome.Name() } });
        }
    }

    public void OutboxPublished(int messages) => _outboxPublished.Add(messages);
}
