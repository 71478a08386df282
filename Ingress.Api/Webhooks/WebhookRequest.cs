using Platform.Contracts;

namespace Ingress.Api.Webhooks;

/// <summary>Facts about a request, each set once: a request that breaks off is reported with those known by then.</summary>
internal sealed class WebhookRequest(DateTimeOffset at)
{
    /// <summary>In whole microseconds: precision that PostgreSQL cannot store must not decide which of two bodies came first.</summary>
    public DateTimeOffset At { get; } = at.AddTicks(-(at.Ticks % TimeSpan.TicksPerMicrosecond));

    public Verification Verification { get; set; }

    /// <summary>From here on, any failure is the platform's, and the sender must retry.</summary>
    public bool IsAuthentic => Verification is Verification.Valid or Verification.Late;

    /// <summary>Null when the headers do not contain it or have not been read.</summary>
    public DateTimeOffset? SentAt { get; set; }

    /// <summary>Null until the signature has been verified.</summary>
    public WebhookContent? Content { get; set; }

    /// <summary>The request has no valid signature, and its peer has sent too many of those: it gets no log line of its own.</summary>
    public bool IsOverLimit { get; set; }

    /// <summary>Duration of the publish until it was confirmed or abandoned; zero when there was none.</summary>
    public TimeSpan Publishing { get; set; }

    /// <summary>The outcome that follows.</summary>
    /// <param name="statusCode">The status of the answer; null when an exception ended the request.</param>
    public WebhookOutcome Outcome(int? statusCode) => statusCode switch
    {
        StatusCodes.Status503ServiceUnavailable => WebhookOutcome.Unavailable,
        _ when !IsAuthentic => WebhookOutcome.Refused,
        null => WebhookOutcome.Unavailable,
        _ when Content?.Reason is not null => WebhookOutcome.Quarantined,
        _ when Verification is Verification.Late => WebhookOutcome.Late,
        _ => WebhookOutcome.Accepted,
    };
}
