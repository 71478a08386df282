using System.Buffers;
using System.Diagnostics;
using System.Security.Cryptography;
using Platform.Contracts;
using Processor.Worker.Jobs;

namespace Processor.Worker.Inbox;

/// <summary>
/// The writes that result from consuming one message. A consumer only fills the unit and does no I/O; the inbox commits it together with
/// the units of all other messages in flight.
/// </summary>
internal sealed class UnitOfWork
{
    private readonly TaskCompletionSource<CommitResult> _committed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Guid MessageId { get; private set; }

    public Guid ConsumerId { get; private set; }

    /// <summary>The event; null when the message is not one.</summary>
    public WebhookReceived? Event { get; private set; }

    /// <summary>The fact that the event states about its job; null when it does not concern the state of a job.</summary>
    public JobFact? Fact { get; private set; }

    /// <summary>The quarantined body; null when the message is an event.</summary>
    public WebhookQuarantined? Quarantined { get; private set; }

    /// <summary>SHA-256 of the body.</summary>
    public byte[] BodySha256 { get; private set; } = [];

    /// <summary>When the webhook behind the message was received.</summary>
    public DateTimeOffset? ReceivedAt => Event?.ReceivedAt ?? Quarantined?.ReceivedAt;

    /// <summary>The number under which the message was published; null when it has none.</summary>
    public PublishNumber? Number => PublishNumber.FromDeliveryId(Event?.DeliveryId ?? Quarantined?.DeliveryId ?? Guid.Empty);

    /// <summary>The message was delivered several times before (<see cref="PoisonMessageGuard"/>).</summary>
    public bool IsSuspect { get; set; }

    /// <summary>The span in which the message is consumed, or its parent when this process creates no spans.</summary>
    public ActivityContext Trace { get; private set; }

    /// <summary>The delivery of the message, finished by the commit; null when MassTransit acknowledges it alone.</summary>
    public Delivery? Delivery { get; set; }

    /// <summary>When it was handed over to be committed, as a timestamp.</summary>
    public long HandedOverAt { get; set; }

    /// <summary>Completes when the unit is committed, or fails with the exception that prevents it.</summary>
    public Task<CommitResult> Committed => _committed.Task;

    public void Begin(Guid messageId, Guid consumerId, ActivityContext trace)
    {
        MessageId = messageId;
        ConsumerId = consumerId;
        Trace = trace;
    }

    /// <exception cref="Exception">The message is malformed: it fails here, before it joins a group.</exception>
    public void Store(WebhookReceived received)
    {
        ArgumentNullException.ThrowIfNull(received.EventType);
        ArgumentNullException.ThrowIfNull(received.JobId);
        ArgumentNullException.ThrowIfNull(received.Origin);
        ArgumentNullException.ThrowIfNull(received.SecretName);
        BodySha256 = ReadHash(received.BodySha256);
        Fact = JobPayload.Read(received.EventType, received.ReceivedAt, received.Body);
        Event = received;
    }

    /// <inheritdoc cref="Store"/>
    public void Quarantine(WebhookQuarantined quarantined)
    {
        ArgumentNullException.ThrowIfNull(quarantined.Reason);
        ArgumentNullException.ThrowIfNull(quarantined.SecretName);
        BodySha256 = ReadHash(quarantined.BodySha256);
        Quarantined = quarantined;
    }

    public void Complete(CommitResult result) => _committed.TrySetResult(result);

    public void Fail(Exception exception) => _committed.TrySetException(exception);

    private static byte[] ReadHash(string hex)
    {
        var hash = new byte[SHA256.HashSizeInBytes];
        return hex is { Length: 2 * SHA256.HashSizeInBytes } && Convert.FromHexString(hex, hash, out _, out _) is OperationStatus.Done
            ? hash
            : throw new FormatException("bodySha256 is not 64 hexadecimal digits.");
    }
}

/// <summary>The result of committing a unit.</summary>
/// <param name="Group">The span of the group commit; none when no spans are created.</param>
/// <param name="FirstTraceId">The trace of the first delivery of the event; null when this is the first.</param>
internal readonly record struct CommitResult(CommitOutcome Outcome, ActivityContext Group, string? FirstTraceId);

/// <summary>What a commit did with a unit.</summary>
internal enum CommitOutcome
{
    /// <summary>Stored for the first time.</summary>
    New,

    /// <summary>Already known; nothing changed.</summary>
    Duplicate,

    /// <summary>A known event with a new body or additional facts.</summary>
    Variant,

    /// <summary>Stored in quarantine for a person to review.</summary>
    Quarantined,

    /// <summary>The data of its job was erased: only the identity is remembered.</summary>
    Erased,
}

internal static class CommitOutcomes
{
    /// <summary>The name in spans and metrics.</summary>
    public static string Name(this CommitOutcome outcome) => outcome switch
    {
        CommitOutcome.New => "new",
        CommitOutcome.Duplicate => "duplicate",
        CommitOutcome.Variant => "variant",
        CommitOutcome.Quarantined => "quarantined",
        CommitOutcome.Erased => "erased",
        _ => throw new ArgumentOutOfRangeException(nameof(outcome), outcome, null),
    };
}
