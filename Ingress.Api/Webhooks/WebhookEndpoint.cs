using System.Net;
using System.Net.Mime;
using System.Security.Cryptography;
using Ingress.Api.Publishing;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;
using Platform.Contracts;

namespace Ingress.Api.Webhooks;

/// <summary>
/// <c>POST /webhook</c>. Who signed it is settled before anything is believed, and 2xx is answered only when the broker has
/// confirmed the message.
/// </summary>
internal sealed partial class WebhookEndpoint(
    IOptions<IngressOptions> ingress,
    IOptions<MagicHourOptions> magicHour,
    WebhookSecrets secrets,
    SignatureFailures failures,
    BodyBudget bodies,
    EventPublisher publisher,
    IngressMetrics metrics,
    TimeProvider time,
    ILogger<WebhookEndpoint> logger)
{
    public async Task<Results<Ok<Receipt>, ProblemHttpResult>> ReceiveAsync(HttpContext http)
    {
        var received = new Reception(time.GetUtcNow());
        var started = time.GetTimestamp();
        int? statusCode = null;
        try
        {
            var answer = await AnswerAsync(http, received);
            statusCode = ((IStatusCodeHttpResult)answer.Result).StatusCode;
            return answer;
        }
        finally
        {
            // A body that stalls or breaks off is an exception of the server's, and no less a webhook.
            Tell(http, received, statusCode, time.GetElapsedTime(started));
        }
    }

    private void Tell(HttpContext http, Reception received, int? statusCode, TimeSpan elapsed)
    {
        metrics.Answered(received.Content?.EventType ?? "", received.Outcome, elapsed);
        IngressTraces.Describe(http.Features.Get<IHttpActivityFeature>()?.Activity, received);
        LogAnswered(
            logger,
            received.Outcome,
            ShownText.Name(received.Content?.EventType),
            ShownText.Name(received.Content?.JobId),
            ShownText.Name(received.Content?.Status),
            statusCode,
            received.Content?.Reason ?? $"{received.Verification}",
            received.SentAt,
            elapsed.TotalMilliseconds,
            received.Publishing.TotalMilliseconds,
            http.Connection.RemoteIpAddress,
            ShownText.OneLine(http.Request.Headers.UserAgent));
    }

    private async Task<Results<Ok<Receipt>, ProblemHttpResult>> AnswerAsync(HttpContext http, Reception received)
    {
        var peer = http.Connection.RemoteIpAddress ?? IPAddress.None;
        if (!IsPlainJson(http.Request))
        {
            return Problems.NotJson;
        }

        if (failures.IsBlocked(peer))
        {
            return Problems.TooManyFailures(http);
        }

        if (SignatureHeaders.Read(http.Request.Headers) is not { } headers)
        {
            received.Verification = Verification.Malformed;
            return Refuse(peer, received);
        }

        received.SentAt = headers.SentAt;

        var (body, refusal) = await SignedBody.ReadAsync(http.Request, ingress.Value.MaxBodyBytes, bodies, http.RequestAborted);
        if (body is null)
        {
            return refusal is BodyRefusal.TooLarge ? Problems.TooLarge : Unavailable(http, received);
        }

        using (body)
        {
            return await AnswerAsync(http, received, peer, headers, body);
        }
    }

    private async Task<Results<Ok<Receipt>, ProblemHttpResult>> AnswerAsync(
        HttpContext http, Reception received, IPAddress peer, SignatureHeaders headers, SignedBody body)
    {
        var secret = Signature.FindSecret(body.Signed(headers.TimestampText), headers.Mac, secrets.Active);
        received.Verification = secret is null
            ? Verification.WrongSignature
            : Signature.CheckAge(headers.SentAt, received.At, magicHour.Value);
        if (secret is not null)
        {
            metrics.SecretMatched(secret, received.At - headers.SentAt);
        }

        if (secret is null || received.Verification is not (Verification.Valid or Verification.Late))
        {
            return Refuse(peer, received);
        }

        // Signed: until the broker has confirmed it, whatever goes wrong is ours, and the sender must come back.
        received.Outcome = WebhookOutcome.Unavailable;
        received.Content = WebhookContent.Read(body.Body);
        var message = received.Content.Reason is null
            ? EventOf(received, headers, secret, body)
            : QuarantinedOf(received, headers, secret, body);
        var started = time.GetTimestamp();
        var outcome = await publisher.PublishAsync(message);
        received.Publishing = time.GetElapsedTime(started);
        return outcome is PublishOutcome.Confirmed ? Accept(received) : Unavailable(http, received);
    }

    private Envelope EventOf(Reception received, SignatureHeaders headers, WebhookSecret secret, SignedBody body) => Envelope.Of(
        new WebhookReceived
        {
            EventId = EventIdentity.Of(received.Content!.EventType, received.Content.JobId),
            EventType = received.Content.EventType,
            JobId = received.Content.JobId,
            DeliveryId = received.DeliveryId,
            ReceivedAt = received.At,
            SentAt = headers.SentAt,
            Late = received.Verification is Verification.Late,
            Origin = Origins.Live,
            SecretName = secret.Name,
            Body = body.Body,
            BodySha256 = Convert.ToHexStringLower(SHA256.HashData(body.Body.Span)),
        },
        time.GetUtcNow());

    private Envelope QuarantinedOf(Reception received, SignatureHeaders headers, WebhookSecret secret, SignedBody body) => Envelope.Of(
        new WebhookQuarantined
        {
            Reason = received.Content!.Reason!,
            DeliveryId = received.DeliveryId,
            ReceivedAt = received.At,
            SentAt = headers.SentAt,
            SecretName = secret.Name,
            Body = body.Body,
            BodySha256 = Convert.ToHexStringLower(SHA256.HashData(body.Body.Span)),
        },
        time.GetUtcNow());

    private static Results<Ok<Receipt>, ProblemHttpResult> Accept(Reception received)
    {
        received.Outcome = received switch
        {
            { Content.Reason: not null } => WebhookOutcome.Quarantined,
            { Verification: Verification.Late } => WebhookOutcome.Late,
            _ => WebhookOutcome.Accepted,
        };
        return received.Content!.IsNotAnEvent ? Problems.NotAnEvent : TypedResults.Ok(new Receipt(true, received.At.ToUnixTimeSeconds()));
    }

    private ProblemHttpResult Refuse(IPAddress peer, Reception received)
    {
        metrics.SignatureFailed(received.Verification);
        if (received.Verification is Verification.Malformed or Verification.WrongSignature)
        {
            failures.Count(peer);
        }

        return Problems.NotAuthentic;
    }

    private static ProblemHttpResult Unavailable(HttpContext http, Reception received)
    {
        received.Outcome = WebhookOutcome.Unavailable;
        return Problems.Unavailable(http);
    }

    // With any parameters, and the +json suffix: the sender says application/json, but not that it will for ever. Nothing is ever
    // decompressed: the length of what is sent is the length of what is kept.
    private static bool IsPlainJson(HttpRequest request) =>
        request.Headers.ContentEncoding.Count == 0
        && MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
        && (type.MediaType.Equals(MediaTypeNames.Application.Json, StringComparison.OrdinalIgnoreCase)
            || type.Suffix.Equals("json", StringComparison.OrdinalIgnoreCase));

    [LoggerMessage(
        LogLevel.Information,
        "Webhook {Outcome}: {EventType} of job {JobId}, status {Status}; answered {StatusCode} ({Detail}), sent at {SentAt}, "
        + "after {ElapsedMs:0.0} ms, {ConfirmMs:0.0} of them for the confirm, to {ClientAddress}, {UserAgent}")]
    private static partial void LogAnswered(
        ILogger logger, WebhookOutcome outcome, string eventType, string jobId, string status, int? statusCode, string detail,
        DateTimeOffset? sentAt, double elapsedMs, double confirmMs, IPAddress? clientAddress, string userAgent);
}
