using Platform.Contracts;

namespace Ingress.Api.Webhooks;

/// <summary>What becomes known of a request while it is answered.</summary>
internal sealed class Reception(DateTimeOffset at)
{
    /// <summary>In whole microseconds: what PostgreSQL cannot keep must not decide which of two bodies came first.</summary>
    public DateTimeOffset At { get; } = at.AddTicks(-(at.Ticks % TimeSpan.TicksPerMicrosecond));

    public Guid DeliveryId { get; } = Guid.CreateVersion7(at);

    public Verification Verification { get; set; }

    /// <summary>Null when the headers do not say, or have not been read.</summary>
    public DateTimeOffset? SentAt { get; set; }

    /// <summary>Null until the signature has proved good.</summary>
    public WebhookContent? Content { get; set; }

    public WebhookOutcome Outcome { get; set; } = WebhookOutcome.Refused;

    /// <summary>How long the publish took until it was confirmed or given up; zero when there was none.</summary>
    public TimeSpan Publishing { get; set; }
}
