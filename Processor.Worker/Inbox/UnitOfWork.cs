using System.Diagnostics;
using Platform.Contracts;
using Processor.Worker.Jobs;

namespace Processor.Worker.Inbox;

/// <summary>
/// What consuming one message will write. A consumer only fills it and does no I/O; the inbox commits it, together with the units
/// of all other messages in work.
/// </summary>
internal sealed class UnitOfWork
{
    private readonly TaskCompletionSource<CommitOutcome> _committed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Guid MessageId { get; private set; }

    public Guid ConsumerId { get; private set; }

    /// <summary>The event, when the message is one.</summary>
    public WebhookReceived? Event { get; private set; }

    /// <summary>What the event says about its job; null when it does not concern a job's state.</summary>
    public JobFact? Fact { get; private set; }

    /// <summary>The body that is not an event, when the message is one.</summary>
    public WebhookQuarantined? Quarantined { get; private set; }

    /// <summary>When the webhook was received, which the message came from.</summary>
    public DateTimeOffset? ReceivedAt => Event?.ReceivedAt ?? Quarantined?.ReceivedAt;

    /// <summary>The message was delivered several times before (<see cref="Suspects"/>).</summary>
    public bool IsSuspect { get; set; }

    /// <summary>The span in which the message is consumed, or that it came from when no spans are made here.</summary>
    public ActivityContext Trace { get; private set; }

    /// <summary>When it was handed over to be committed, as a timestamp.</summary>
    public long HandedOverAt { get; set; }

    /// <summary>The span of the group that it is committed with; none while no spans are made.</summary>
    public ActivityContext Group { get; set; }

    /// <summary>The trace of the delivery that brought the event first, when this is a further one.</summary>
    public string? FirstTraceId { get; set; }

    /// <summary>Ends when the unit is committed, or with the exception that makes it impossible.</summary>
    public Task<CommitOutcome> Committed => _committed.Task;

    public void Begin(Guid messageId, Guid consumerId, ActivityContext trace)
    {
        MessageId = messageId;
        ConsumerId = consumerId;
        Trace = trace;
    }

    public void Store(WebhookReceived received)
    {
        Event = received;
        Fact = JobPayload.Read(received.EventType, received.ReceivedAt, received.Body);
    }

    public void Quarantine(WebhookQuarantined quarantined) => Quarantined = quarantined;

    public void Complete(CommitOutcome outcome) => _committed.TrySetResult(outcome);

    public void Fail(Exception exception) => _committed.TrySetException(exception);
}

/// <summary>What committing a unit came to.</summary>
internal enum CommitOutcome
{
    /// <summary>Stored for the first time.</summary>
    New,

    /// <summary>Known already; nothing changed.</summary>
    Duplicate,

    /// <summary>A known event that came with more than was known of it.</summary>
    Variant,

    /// <summary>Kept for a person.</summary>
    Quarantined,
}

internal static class CommitOutcomes
{
    /// <summary>As spans and metrics call it.</summary>
    public static string Name(this CommitOutcome outcome) => outcome switch
    {
        CommitOutcome.New => "new",
        CommitOutcome.Duplicate => "duplicate",
        CommitOutcome.Variant => "variant",
        CommitOutcome.Quarantined => "quarantined",
        _ => throw new ArgumentOutOfRangeException(nameof(outcome), outcome, null),
    };
}
