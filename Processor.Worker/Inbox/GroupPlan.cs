using System.Diagnostics;
using Processor.Worker.Accounting;
using Processor.Worker.Events;
using Processor.Worker.Jobs;
using Processor.Worker.Notifications;
using Processor.Worker.Outbox;

namespace Processor.Worker.Inbox;

/// <summary>The rows a group of units will write, derived from the claimed messages and the known events. Pure: no I/O.</summary>
internal sealed class GroupPlan
{
    private readonly DateTimeOffset _now;
    private readonly HashSet<string> _erased;
    private readonly Dictionary<Guid, KnownEvent> _known;
    private readonly Dictionary<string, JobChange> _changes = [];

    public List<WebhookEvent> Events { get; } = [];

    public List<WebhookBody> Bodies { get; } = [];

    public List<Amendment> Amendments { get; } = [];

    public List<Job> Jobs { get; } = [];

    public List<OutboxMessage> Outbox { get; } = [];

    public List<Notification> Notifications { get; } = [];

    public List<QuarantinedEvent> Quarantined { get; } = [];

    /// <summary>The numbers of the messages, whatever became of them.</summary>
    public List<Arrival> Arrivals { get; } = [];

    /// <summary>In the order of the units.</summary>
    public List<CommitOutcome> Outcomes { get; } = [];

    /// <param name="units">No two with the same message id, and no two new ones with the same event.</param>
    /// <param name="claimed">The ids of messages not consumed before.</param>
    /// <param name="erased">Those of the units' jobs whose data was erased.</param>
    /// <param name="known">The events already committed for the jobs of the units.</param>
    /// <param name="now">The time of the commit.</param>
    public GroupPlan(IReadOnlyList<UnitOfWork> units, HashSet<Guid> claimed, HashSet<string> erased, IEnumerable<KnownEvent> known, DateTimeOffset now)
    {
        _now = now;
        _erased = erased;
        _known = known.ToDictionary(one => one.EventId);
        foreach (var unit in units)
        {
            Outcomes.Add(Decide(unit, claimed.Contains(unit.MessageId)));
            if (unit.Number is { } number)
            {
                Arrivals.Add(new Arrival(number, unit.Quarantined is null ? Receptions.Applied : Receptions.Quarantined));
            }
        }

        WriteJobs();
    }

    /// <summary>The trace of the first delivery of the unit's event; null when this is the first, or no trace is known.</summary>
    public string? FirstTraceId(UnitOfWork unit) =>
        unit.Event is { } received && _known.TryGetValue(received.EventId, out var known) ? known.TraceId : null;

    private CommitOutcome Decide(UnitOfWork unit, bool isClaimed) => unit switch
    {
        { Quarantined: not null } when isClaimed => Quarantine(unit),
        { Event: { } received } when _erased.Contains(received.JobId) => CommitOutcome.Erased,
        { Event: { } received } when _known.TryGetValue(received.EventId, out var known) => Repeat(unit, known),
        { Event: not null } when isClaimed => Add(unit),
        // Consumed before, and the row of the event was deleted since: the inbox still has the message id.
        _ => CommitOutcome.Duplicate,
    };

    private CommitOutcome Add(UnitOfWork unit)
    {
        var received = unit.Event!;
        Events.Add(new WebhookEvent
        {
            EventId = received.EventId,
            EventType = received.EventType,
            JobId = received.JobId,
            ReceivedAt = received.ReceivedAt,
            SentAt = received.SentAt,
            ProcessedAt = _now,
            Late = received.Late,
            Origin = received.Origin,
            SecretName = received.SecretName,
            DeliveryId = received.DeliveryId,
            TraceId = TraceId(unit),
            BodySha256 = unit.BodySha256,
            Fact = unit.Fact?.ToJson(),
        });
        KeepBody(unit, variant: 0);
        if (unit.Fact is not null)
        {
            Change(received.JobId).Add(unit);
        }

        return CommitOutcome.New;
    }

    private CommitOutcome Repeat(UnitOfWork unit, KnownEvent known)
    {
        if (known.Amend(unit.Fact, unit.BodySha256) is not { } amendment)
        {
            return CommitOutcome.Duplicate;
        }

        Amendments.Add(amendment);
        if (amendment.Fact is { } fact)
        {
            Change(known.JobId).Amend(known.EventId, fact);
        }

        if (amendment.Variant is not null)
        {
            KeepBody(unit, (short)known.Bodies.Count);
        }

        return CommitOutcome.Variant;
    }

    private CommitOutcome Quarantine(UnitOfWork unit)
    {
        var quarantined = unit.Quarantined!;
        Quarantined.Add(new QuarantinedEvent
        {
            BodySha256 = unit.BodySha256,
            Reason = quarantined.Reason,
            Body = quarantined.Body,
            ReceivedAt = quarantined.ReceivedAt,
            SentAt = quarantined.SentAt,
            SecretName = quarantined.SecretName,
            DeliveryId = quarantined.DeliveryId,
            TraceId = TraceId(unit),
        });
        return CommitOutcome.Quarantined;
    }

    private void KeepBody(UnitOfWork unit, short variant) => Bodies.Add(new WebhookBody
    {
        EventId = unit.Event!.EventId,
        Variant = variant,
        ReceivedAt = unit.Event.ReceivedAt,
        Body = unit.Event.Body,
    });

    private JobChange Change(string jobId)
    {
        if (!_changes.TryGetValue(jobId, out var change))
        {
            _changes.Add(jobId, change = new JobChange(jobId));
        }

        return change;
    }

    private void WriteJobs()
    {
        foreach (var known in _known.Values)
        {
            if (_changes.TryGetValue(known.JobId, out var change))
            {
                change.Add(known);
            }
        }

        foreach (var change in _changes.Values)
        {
            Jobs.Add(change.ToJob());
            Announce(change);
        }
    }

    private void Announce(JobChange change)
    {
        foreach (var transition in change.Transitions())
        {
            // Only new events cause transitions.
            Outbox.Add(OutboxMessage.Announce(transition, TraceParent(change.Find(transition.EventId)!), _now));
            if (transition.IsEnd)
            {
                Notifications.Add(Notification.From(transition, _now));
            }
        }
    }

    private static string? TraceId(UnitOfWork unit) => unit.Trace == default ? null : unit.Trace.TraceId.ToHexString();

    private static string? TraceParent(UnitOfWork unit) => unit.Trace == default
        ? null
        : $"00-{unit.Trace.TraceId}-{unit.Trace.SpanId}-{(unit.Trace.TraceFlags.HasFlag(ActivityTraceFlags.Recorded) ? "01" : "00")}";
}
