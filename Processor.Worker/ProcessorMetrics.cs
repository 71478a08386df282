using System.Diagnostics.Metrics;
using Platform.Contracts;
using Processor.Worker.Archiving;
using Processor.Worker.Inbox;
using Processor.Worker.Notifications;
using Processor.Worker.Reconciliation;
using Processor.Worker.Retention;

namespace Processor.Worker;

/// <summary>
/// Counters and histograms of this service: one method per fact. Gauges that are read at each scrape are in <see cref="InboxGauges"/> and
/// <see cref="Backlog.BacklogGauges"/>.
/// </summary>
internal sealed class ProcessorMetrics : IHostedService
{
    public const string MeterName = "Processor.Worker";

    private static readonly CommitOutcome[] Outcomes = Enum.GetValues<CommitOutcome>();

    // The statuses a notification can have after an attempt.
    private static readonly NotificationStatus[] Settled =
        [NotificationStatus.Delivered, NotificationStatus.Pending, NotificationStatus.Superseded, NotificationStatus.Parked];

    private static readonly InstrumentAdvice<double> Seconds =
        new() { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] };

    // From an event on an idle system to one delayed by an outage or released by hand.
    private static readonly InstrumentAdvice<double> Ages =
        new() { HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400] };

    // Up to the largest allowed concurrency.
    private static readonly InstrumentAdvice<long> PowersOfTwo =
        new() { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048] };

    private readonly Counter<long> _committed;
    private readonly Histogram<long> _groupSize;
    private readonly Histogram<double> _groupDuration;
    private readonly Histogram<double> _eventAge;
    private readonly Counter<long> _parked;
    private readonly Counter<long> _postponed;
    private readonly Counter<long> _outboxPublished;
    private readonly Counter<long> _notificationAttempts;
    private readonly Counter<long> _registrationsRejected;
    private readonly Counter<long> _sampleErrors;
    private readonly Counter<long> _eventsMissed;
    private readonly Counter<long> _apiRequests;
    private readonly Counter<long> _rowsDropped;
    private readonly Counter<long> _copies;
    private readonly Counter<long> _bytesArchived;

    public ProcessorMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        _committed = meter.CreateCounter<long>("inbox.units.committed", "{unit}", "Messages committed, by outcome.");
        _groupSize = meter.CreateHistogram("inbox.group.size", "{unit}", "Messages committed in one transaction.", tags: null, PowersOfTwo);
        _groupDuration = meter.CreateHistogram("inbox.group.duration", "s", "Time to commit one group.", tags: null, Seconds);
        _eventAge = meter.CreateHistogram("inbox.event.age", "s", "Time from the receipt of a webhook to its commit.", tags: null, Ages);
        _parked = meter.CreateCounter<long>("inbox.units.parked", "{unit}", "Messages parked in the error queue, by reason.");
        _postponed = meter.CreateCounter<long>(
            "inbox.units.postponed", "{unit}", "Deliveries put back into the queue because a newer version of the worker wrote their job.");
        _outboxPublished = meter.CreateCounter<long>("outbox.messages.published", "{message}", "Domain events published and confirmed.");
        _notificationAttempts = meter.CreateCounter<long>(
            "notification.attempts", "{attempt}", "Attempts to notify an owner, by channel and resulting status.");
        _registrationsRejected = meter.CreateCounter<long>(
            "registrations.rejected", "{registration}", "Registrations of jobs that another identity has registered.");
        _sampleErrors = meter.CreateCounter<long>(
            "database.sample.errors", null, "Failed attempts to read the backlog; its gauges are missing until the next success.");
        _eventsMissed = meter.CreateCounter<long>(
            "reconcile.events.missed", "{event}", "Events that no webhook had reported when Magic Hour's API did, by type.");
        _apiRequests = meter.CreateCounter<long>("reconcile.requests", "{request}", "Requests to Magic Hour's API, by result.");
        _rowsDropped = meter.CreateCounter<long>("retention.rows.dropped", "{row}", "Expired rows dropped by this process, by table.");
        _copies = meter.CreateCounter<long>("archive.copies", "{attempt}", "Attempts to copy a download to the archive, by result.");
        _bytesArchived = meter.CreateCounter<long>("archive.copied", "By", "Bytes copied to the archive.");
    }

    /// <summary>Starts every counter at zero: Prometheus does not count the first appearance of a series as an increase.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        Array.ForEach(Outcomes, outcome => _committed.Add(0, Tag("outcome", outcome.Name())));
        Array.ForEach(Enum.GetValues<ParkingReason>(), reason => _parked.Add(0, Tag("reason", Name(reason))));
        _postponed.Add(0);
        _outboxPublished.Add(0);
        _registrationsRejected.Add(0);
        _sampleErrors.Add(0);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <param name="now">The time of the commit.</param>
    public void GroupCommitted(IReadOnlyList<UnitOfWork> group, IReadOnlyList<CommitOutcome> outcomes, TimeSpan duration, DateTimeOffset now)
    {
        _groupSize.Record(group.Count);
        _groupDuration.Record(duration.TotalSeconds);
        Span<int> counts = stackalloc int[Outcomes.Length];
        for (var i = 0; i < group.Count; i++)
        {
            counts[(int)outcomes[i]]++;
            RecordAge(group[i], now);
        }

        foreach (var outcome in Outcomes)
        {
            if (counts[(int)outcome] > 0)
            {
                _committed.Add(counts[(int)outcome], Tag("outcome", outcome.Name()));
            }
        }
    }

    public void Parked(ParkingReason reason) => _parked.Add(1, Tag("reason", Name(reason)));

    public void Postponed() => _postponed.Add(1);

    public void OutboxPublished(int messages) => _outboxPublished.Add(messages);

    /// <summary>Starts the counters of a channel at zero.</summary>
    public void NotificationsBegin(string channel) => Array.ForEach(Settled, status => AddAttempts(channel, status, 0));

    public void NotificationSettled(string channel, NotificationStatus status) =>
        AddAttempts(channel, status, 1);

    public void RegistrationRejected() => _registrationsRejected.Add(1);

    public void SampleFailed() => _sampleErrors.Add(1);

    /// <summary>Starts the counters of the reconciler at zero.</summary>
    public void ReconcilingBegins()
    {
        Array.ForEach(Enum.GetValues<RequestResult>(), result => _apiRequests.Add(0, Tag("result", result.Name())));
        foreach (var eventType in CheckDecision.EventTypes)
        {
            _eventsMissed.Add(0, Tag("event_type", eventType));
        }
    }

    /// <param name="eventType">One of <see cref="CheckDecision.EventTypes"/>.</param>
    public void EventMissed(string eventType) => _eventsMissed.Add(1, Tag("event_type", eventType));

    public void ApiRequested(RequestResult result) => _apiRequests.Add(1, Tag("result", result.Name()));

    /// <summary>Starts the counters of the archive at zero.</summary>
    public void ArchivingBegins()
    {
        Array.ForEach(Enum.GetValues<CopyResult>(), result => _copies.Add(0, Tag("result", Name(result))));
        _bytesArchived.Add(0);
    }

    public void Archived(CopyResult result) => _copies.Add(1, Tag("result", Name(result)));

    public void Archived(int bytes) => _bytesArchived.Add(bytes);

    /// <summary>Starts the counters of retention at zero.</summary>
    public void RetentionBegins() => Array.ForEach([.. RetentionRules.Tables], table => RowsDropped(table, 0));

    /// <param name="table">One of <see cref="RetentionRules.Tables"/>.</param>
    public void RowsDropped(string table, long rows) => _rowsDropped.Add(rows, Tag("table", table));

    // Released messages are excluded: their age reflects when a person released them, not the speed of the pipeline.
    private void RecordAge(UnitOfWork unit, DateTimeOffset now)
    {
        if (unit.ReceivedAt is { } receivedAt && unit.Event?.Origin is null or Origins.Live)
        {
            // The two times come from the clocks of two machines, so the difference may be negative.
            _eventAge.Record(Math.Max(0, (now - receivedAt).TotalSeconds));
        }
    }

    private void AddAttempts(string channel, NotificationStatus status, int count) =>
        _notificationAttempts.Add(count, Tag("channel", channel), Tag("status", status.Name()));

    private static KeyValuePair<string, object?> Tag(string name, string value) => new(name, value);

    private static string Name(CopyResult result) => result switch
    {
        CopyResult.Stored => "stored",
        CopyResult.Retried => "retried",
        CopyResult.Failed => "failed",
        _ => throw new ArgumentOutOfRangeException(nameof(result), result, null),
    };

    private static string Name(ParkingReason reason) => reason switch
    {
        ParkingReason.Poison => "poison",
        ParkingReason.Suspect => "suspect",
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, null),
    };
}

/// <summary>Why a message is parked.</summary>
internal enum ParkingReason
{
    /// <summary>It can never be committed.</summary>
    Poison,

    /// <summary>Processing it may crash the process (<see cref="PoisonMessageGuard"/>).</summary>
    Suspect,
}
