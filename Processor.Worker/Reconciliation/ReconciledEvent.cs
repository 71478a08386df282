using System.Buffers;
using System.Security.Cryptography;
using System.Text.Json;
using Platform.Contracts;

namespace Processor.Worker.Reconciliation;

/// <summary>
/// What the API says, as the event that should have arrived: with the same identity, so that a webhook that arrives after all is a further
/// delivery of the same event, and the reverse.
/// </summary>
internal static class ReconciledEvent
{
    /// <param name="project">The project as the API described it: the payload of an event is the same object.</param>
    public static WebhookReceived Create(string eventType, string jobId, ReadOnlyMemory<byte> project, DateTimeOffset now)
    {
        var body = Write(eventType, project);
        return new WebhookReceived
        {
            EventId = EventIdentity.Create(eventType, jobId),
            EventType = eventType,
            JobId = jobId,
            DeliveryId = Guid.CreateVersion7(now),
            ReceivedAt = now,
            SentAt = now,
            Late = false,
            Origin = Origins.Reconcile,
            SecretName = Origins.Reconcile,
            Body = body,
            BodySha256 = Convert.ToHexStringLower(SHA256.HashData(body.Span)),
        };
    }

    /// <summary>For a job of which the API only says that it does not exist.</summary>
    public static WebhookReceived CreateDeleted(string kind, string jobId, DateTimeOffset now) => Create(
        $"{kind}.canceled", jobId,
        JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object> { ["id"] = jobId, ["enabled"] = false }), now);

    private static ReadOnlyMemory<byte> Write(string eventType, ReadOnlyMemory<byte> project)
    {
        var body = new ArrayBufferWriter<byte>(project.Length + 64);
        using var writer = new Utf8JsonWriter(body);
        writer.WriteStartObject();
        writer.WriteString("type"u8, eventType);
        writer.WritePropertyName("payload"u8);
        // Validated when it was read.
        writer.WriteRawValue(project.Span, skipInputValidation: true);
        writer.WriteEndObject();
        writer.Flush();
        return body.WrittenMemory;
    }
}
