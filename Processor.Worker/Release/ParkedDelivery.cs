using System.Security.Cryptography;
using System.Text.Json;
using Platform.Contracts;
using Processor.Worker.Events;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Processor.Worker.Release;

/// <summary>A message delivered from a queue of parked messages, not acknowledged yet.</summary>
internal sealed class ParkedDelivery : ParkedMessage
{
    // An exception's message may be as long as the message that caused it.
    private const int MaxReason = 1000;

    public required ulong DeliveryTag { get; init; }

    public required ReadOnlyMemory<byte> Body { get; init; }

    public required IReadOnlyBasicProperties Properties { get; init; }

    public required ParkedHeaders Headers { get; init; }

    public static ParkedDelivery From(BasicDeliverEventArgs delivery)
    {
        var headers = new ParkedHeaders(delivery.BasicProperties.Headers);
        var (eventType, jobId) = ReadEnvelope(delivery.Body);
        return new ParkedDelivery
        {
            Id = delivery.BasicProperties.MessageId ?? "-",
            MessageId = Guid.TryParse(delivery.BasicProperties.MessageId, out var messageId) ? messageId : null,
            EventType = eventType,
            JobId = jobId,
            Reason = headers.Reason,
            ParkedAt = headers.ParkedAt,
            // Always: only the worker can tell whether the reason still applies.
            IsUsable = true,
            DeliveryTag = delivery.DeliveryTag,
            // Copied, because the client reuses its buffer after the handler.
            Body = delivery.Body.ToArray(),
            Properties = delivery.BasicProperties,
            Headers = headers,
        };
    }

    /// <summary>The whole message, as its queue had it, to be kept when it is discarded.</summary>
    public QuarantinedEvent ToQuarantined(DateTimeOffset now) => new()
    {
        BodySha256 = SHA256.HashData(Body.Span),
        Reason = Reason.Length > MaxReason ? Reason[..MaxReason] : Reason,
        Body = Body,
        ReceivedAt = ParkedAt ?? now,
        SentAt = ParkedAt ?? now,
        SecretName = "-",
        DeliveryId = MessageId ?? Guid.Empty,
    };

    /// <summary>Event type and job from MassTransit's envelope; a dash for a missing field.</summary>
    private static (string EventType, string JobId) ReadEnvelope(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var envelope = JsonText.Parse(body);
            return (Text(envelope.RootElement, "eventType"), Text(envelope.RootElement, "jobId"));
        }
        catch (JsonException)
        {
            return ("-", "-");
        }
    }

    private static string Text(JsonElement envelope, string name) =>
        envelope.ValueKind is JsonValueKind.Object && envelope.TryGetProperty("message", out var message)
        && message.ValueKind is JsonValueKind.Object && message.TryGetProperty(name, out var member)
        && member.ValueKind is JsonValueKind.String
            ? JsonText.Read(member)
            : "-";
}
