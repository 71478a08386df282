using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Platform.Contracts;
using Processor.Worker.Inbox;

namespace Processor.Worker.Tests;

/// <summary>Messages as the ingress publishes them, and the units of work that their consumption fills.</summary>
internal static class Deliveries
{
    public static readonly DateTimeOffset Noon = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);

    private static readonly Guid Consumer = new("c0000000-0000-0000-0000-000000000001");

    /// <summary>An event with its own body.</summary>
    public static WebhookReceived Event(string body, DateTimeOffset? receivedAt = null)
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        using var document = JsonDocument.Parse(bytes);
        var type = document.RootElement.GetProperty("type").GetString()!;
        var jobId = document.RootElement.GetProperty("payload").GetProperty("id").GetString()!;
        return new WebhookReceived
        {
            EventId = EventIdentity.Create(type, jobId),
            EventType = type,
            JobId = jobId,
            DeliveryId = Guid.NewGuid(),
            ReceivedAt = receivedAt ?? Noon,
            SentAt = receivedAt ?? Noon,
            Late = false,
            Origin = Origins.Live,
            SecretName = "0",
            Body = bytes,
            BodySha256 = Convert.ToHexStringLower(SHA256.HashData(bytes)),
        };
    }

    /// <summary>An event with only type and id.</summary>
    public static WebhookReceived Event(string type, string jobId, DateTimeOffset? receivedAt = null) =>
        Event($$"""{"type":"{{type}}","payload":{"id":"{{jobId}}"} }""", receivedAt);

    /// <summary>The same with arbitrary characters in type and id.</summary>
    public static WebhookReceived EventOf(string type, string jobId) =>
        Event($$"""{"type":{{JsonSerializer.Serialize(type)}},"payload":{"id":{{JsonSerializer.Serialize(jobId)}}} }""");

    public static WebhookQuarantined NoEvent(string body, DateTimeOffset? receivedAt = null)
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        return new WebhookQuarantined
        {
            Reason = QuarantineReasons.NoId,
            DeliveryId = Guid.NewGuid(),
            ReceivedAt = receivedAt ?? Noon,
            SentAt = receivedAt ?? Noon,
            SecretName = "0",
            Body = bytes,
            BodySha256 = Convert.ToHexStringLower(SHA256.HashData(bytes)),
        };
    }

    public static UnitOfWork Unit(WebhookReceived received) => Unit(received, received.EventId);

    /// <summary>An event of a job of its own, published under a number.</summary>
    public static UnitOfWork Numbered(PublishNumber number) =>
        Unit(Event("video.completed", $"job-{number.Source:x}-{number.Number}") with { DeliveryId = number.ToDeliveryId() });

    /// <param name="messageId">The event's id, unless the message is malformed.</param>
    public static UnitOfWork Unit(WebhookReceived received, Guid messageId)
    {
        var unit = new UnitOfWork();
        unit.Begin(messageId, Consumer, trace: default);
        unit.Store(received);
        return unit;
    }

    public static UnitOfWork Unit(WebhookQuarantined quarantined)
    {
        var unit = new UnitOfWork();
        unit.Begin(EventIdentity.FromBody(quarantined.BodySha256), Consumer, trace: default);
        unit.Quarantine(quarantined);
        return unit;
    }
}
