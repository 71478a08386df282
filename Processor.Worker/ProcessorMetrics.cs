using System.Diagnostics;
using System.Diagnostics.Metrics;
using Processor.Worker.Inbox;
using Processor.Worker.Notifications;

namespace Processor.Worker;

/// <summary>Every metric of this service: one method for each fact.</summary>
internal sealed class ProcessorMetrics
{
    public const string MeterName = "Processor.Worker";

    private static readonly InstrumentAdvice<double> Seconds =
        new() { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] };

    // Up to the greatest number that may be in work.
    private static readonly InstrumentAdvice<long> PowersOfTwo =
        new() { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048] };

    private readonly Counter<long> _committed;
    private readonly Histogram<long> _groupSize;
    private readonly Histogram<double> _groupDuration;
    private readonly Counter<long> _outboxPublished;
    private readonly Counter<long> _notificationAttempts;

    public ProcessorMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        _committed = meter.CreateCounter<long>("inbox.units.committed", "{unit}", "Messages committed, by outcome.");
        _groupSize = meter.CreateHistogram("inbox.group.size", "{unit}", "Messages committed in one transaction.", tags: null, PowersOfTwo);
        _groupDuration = meter.CreateHistogram("inbox.group.duration", "s", "Time to commit one group.", tags: null, Seconds);
        _outboxPublished = meter.CreateCounter<long>("outbox.messages.published", "{message}", "Domain events published and confirmed.");
        _notificationAttempts = meter.CreateCounter<long>(
            "notification.attempts", "{attempt}", "Attempts to tell an owner, by channel and by what has become of the notification.");
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

    public void NotificationSettled(string channel, NotificationStatus status) =>
        _notificationAttempts.Add(1, new TagList { { "channel", channel }, { "status", status.Name() } });
}
