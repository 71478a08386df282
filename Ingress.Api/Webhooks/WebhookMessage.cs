using System.Security.Cryptography;
using Platform.Contracts;

namespace Ingress.Api.Webhooks;

/// <summary>
/// The message published for a signed webhook: an event or, when the body is not a usable one, a message for a person to examine.
/// </summary>
internal static class WebhookMessage
{
    public static Envelope Create(
        WebhookRequest received, SignatureHeaders headers, WebhookSecret secret, SignedBody body, Guid deliveryId, DateTimeOffset now) =>
        received.Content!.Reason is { } reason
            ? Envelope.Create(CreateQuarantined(reason, received, headers, secret, body, deliveryId), now)
            : Envelope.Create(CreateEvent(received, headers, secret, body, deliveryId), now);

    private static WebhookReceived CreateEvent(
        WebhookRequest received, SignatureHeaders headers, WebhookSecret secret, SignedBody body, Guid deliveryId) => new()
        {
            EventId = EventIdentity.Create(received.Content!.EventType, received.Content.JobId),
            EventType = received.Content.EventType,
            JobId = received.Content.JobId,
            DeliveryId = deliveryId,
            ReceivedAt = received.At,
            SentAt = headers.SentAt,
            Late = received.Verification is Verification.Late,
            Origin = Origins.Live,
            SecretName = secret.Name,
            Body = body.Body,
            BodySha256 = Convert.ToHexStringLower(SHA256.HashData(body.Body.Span)),
        };

    private static WebhookQuarantined CreateQuarantined(
        string reason, WebhookRequest received, SignatureHeaders headers, WebhookSecret secret, SignedBody body, Guid deliveryId) => new()
        {
            Reason = reason,
            DeliveryId = deliveryId,
            ReceivedAt = received.At,
            SentAt = headers.SentAt,
            SecretName = secret.Name,
            Body = body.Body,
            BodySha256 = Convert.ToHexStringLower(SHA256.HashData(body.Body.Span)),
        };
}
