using System.Net;
using System.Net.Mime;
using Ingress.Api.Hosting;
using Ingress.Api.Publishing;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;
using Platform.Contracts;
using Platform.ServiceDefaults.Logging;

namespace Ingress.Api.Webhooks;

/// <summary>
/// <c>POST /webhook</c>. It verifies the signature before it trusts anything in the request, and answers 2xx only once the broker has
/// confirmed the message.
/// </summary>
internal sealed partial class WebhookEndpoint(
    IOptions<IngressOptions> ingress,
    IOptions<MagicHourOptions> magicHour,
    WebhookSecrets secrets,
    PeerFailures failures,
    RejectedRequests rejected,
    ConnectionLimit connections,
    BodyBudget bodies,
    EventPublisher publisher,
    IngressMetrics metrics,
    TimeProvider time,
    ILogger<WebhookEndpoint> logger)
{
    public async Task<Results<Ok<Receipt>, ProblemHttpResult>> ReceiveAsync(HttpContext http)
    {
        var received = new WebhookRequest(time.GetUtcNow());
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
            // The server throws when a body stalls or breaks off; the request still counts as a webhook.
            received.IsOverLimit |= statusCode is null && !received.IsAuthentic && failures.Count(Peer(http));
            Report(http, received, statusCode, time.GetElapsedTime(started));
        }
    }

    private void Report(HttpContext http, WebhookRequest received, int? statusCode, TimeSpan elapsed)
    {
        var outcome = received.Outcome(statusCode);
        metrics.Received(received.Content?.EventType ?? "", outcome, statusCode is null ? null : elapsed);
        IngressTraces.Describe(http.Features.Get<IHttpActivityFeature>()?.Activity, received);
        if (received.IsOverLimit)
        {
            rejected.CountOverLimit(http.Connection.RemoteIpAddress);
            return;
        }

        LogAnswered(
            logger,
            outcome,
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

    private async Task<Results<Ok<Receipt>, ProblemHttpResult>> AnswerAsync(HttpContext http, WebhookRequest received)
    {
        if (!IsPlainJson(http.Request))
        {
            return Refuse(http, received, Problems.NotJson);
        }

        if (SignatureHeaders.Read(http.Request.Headers) is not { } headers)
        {
            received.Verification = Verification.Malformed;
            return RefuseSignature(http, received);
        }

        received.SentAt = headers.SentAt;
        var (body, refusal) = await SignedBody.ReadAsync(http, ingress.Value.MaxBodyBytes, bodies);
        if (body is null)
        {
            return refusal switch
            {
                BodyRefusal.TooLarge => Refuse(http, received, Problems.TooLarge),
                BodyRefusal.Shed => Refuse(http, received, Problems.Unavailable(http)),
                _ => Problems.Unavailable(http),
            };
        }

        using (body)
        {
            return Verify(received, headers, body) is { } secret
                ? await PublishAsync(http, received, headers, secret, body)
                : RefuseSignature(http, received);
        }
    }

    /// <returns>The secret that the body is signed with; null when the signature must be refused.</returns>
    private WebhookSecret? Verify(WebhookRequest received, SignatureHeaders headers, SignedBody body)
    {
        if (Signature.FindSecret(body.Signed(headers.TimestampText), headers.Mac, secrets.Active) is not { } secret)
        {
            received.Verification = Verification.WrongSignature;
            return null;
        }

        metrics.SecretMatched(secret, received.At - headers.SentAt);
        received.Verification = Signature.CheckAge(headers.SentAt, received.At, magicHour.Value);
        return received.IsAuthentic ? secret : null;
    }

    private async Task<Results<Ok<Receipt>, ProblemHttpResult>> PublishAsync(
        HttpContext http, WebhookRequest received, SignatureHeaders headers, WebhookSecret secret, SignedBody body)
    {
        connections.Prefer(http);
        received.Content = WebhookContent.Read(body.Body);
        var started = time.GetTimestamp();
        var outcome = await publisher.PublishAsync(
            number => WebhookMessage.Create(received, headers, secret, body, number.ToDeliveryId(), time.GetUtcNow()));
        received.Publishing = time.GetElapsedTime(started);
        if (outcome is not PublishOutcome.Confirmed)
        {
            return Problems.Unavailable(http);
        }

        return received.Content.IsNotAnEvent ? Problems.NotAnEvent : TypedResults.Ok(new Receipt(true, received.At.ToUnixTimeSeconds()));
    }

    private ProblemHttpResult Refuse(HttpContext http, WebhookRequest received, ProblemHttpResult answer)
    {
        received.IsOverLimit = failures.Count(Peer(http));
        return answer;
    }

    private ProblemHttpResult RefuseSignature(HttpContext http, WebhookRequest received)
    {
        metrics.SignatureFailed(received.Verification);
        received.IsOverLimit = received.Verification is Verification.Malformed or Verification.WrongSignature && failures.Count(Peer(http));
        return received.IsOverLimit ? Problems.TooManyFailures(http) : Problems.NotAuthentic;
    }

    private static IPAddress Peer(HttpContext http) => http.Connection.RemoteIpAddress ?? IPAddress.None;

    // Accepts any parameters and the +json suffix: the sender uses application/json today, but does not promise to. Nothing is ever
    // decompressed, so the length received is the length stored.
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
