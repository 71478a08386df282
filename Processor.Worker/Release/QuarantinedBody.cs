using Platform.Contracts;
using Processor.Worker.Events;

namespace Processor.Worker.Release;

/// <summary>A body of <c>quarantined_events</c>, with its content as read by the current rules.</summary>
internal sealed class QuarantinedBody : ParkedMessage
{
    public required QuarantinedEvent Row { get; init; }

    public static QuarantinedBody From(QuarantinedEvent row)
    {
        var content = WebhookContent.Read(row.Body);
        var isUsable = content.Reason is null;
        return new QuarantinedBody
        {
            Id = Convert.ToHexStringLower(row.BodySha256),
            MessageId = isUsable ? EventIdentity.Create(content.EventType, content.JobId) : null,
            EventType = content.EventType.Length > 0 ? content.EventType : "-",
            JobId = content.JobId.Length > 0 ? content.JobId : "-",
            Reason = content.Reason ?? row.Reason,
            ParkedAt = row.ReceivedAt,
            IsUsable = isUsable,
            Row = row,
        };
    }

    /// <summary>The event that the ingress would have published if the body had been usable then.</summary>
    public WebhookReceived ToEvent() => new()
    {
        EventId = MessageId ?? throw new InvalidOperationException($"{Id} is not a usable event."),
        EventType = EventType,
        JobId = JobId,
        DeliveryId = Row.DeliveryId,
        ReceivedAt = Row.ReceivedAt,
        SentAt = Row.SentAt,
        // Unknown: only the ingress can decide it, and it was not stored.
        Late = false,
        Origin = Origins.Replay,
        SecretName = Row.SecretName,
        Body = Row.Body,
        BodySha256 = Id,
    };
}
