using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Ingress.Api;

/// <summary>Every metric of this service: one method for each fact. Labels come from closed sets.</summary>
internal sealed class IngressMetrics
{
    public const string MeterName = "Ingress.Api";

    private static readonly HashSet<string> KnownTypes =
    [
        "video.started", "video.completed", "video.errored",
        "image.started", "image.completed", "image.errored",
        "audio.started", "audio.completed", "audio.errored",
    ];

    // From a fast confirm to the time at which the sender gives up.
    private static readonly InstrumentAdvice<double> Seconds =
        new() { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] };

    private readonly Counter<long> _received;
    private readonly Histogram<double> _processing;

    public IngressMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        _received = meter.CreateCounter<long>("webhooks_received", null, "Webhook requests, by event type and outcome.");
        _processing = meter.CreateHistogram("webhook_processing", "s", "From the receipt of a webhook to its answer.", tags: null, Seconds);
    }

    public void Answered(string eventType, WebhookOutcome outcome, TimeSpan elapsed)
    {
        _received.Add(1, new TagList
        {
            { "event_type", KnownTypes.Contains(eventType) ? eventType : "other" },
            { "outcome", Name(outcome) },
        });
        _processing.Record(elapsed.TotalSeconds);
    }

    private static string Name(WebhookOutcome outcome) => outcome switch
    {
        WebhookOutcome.Accepted => "accepted",
        WebhookOutcome.Late => "late",
        WebhookOutcome.Quarantined => "quarantined",
        WebhookOutcome.Refused => "refused",
        WebhookOutcome.Unavailable => "unavailable",
        _ => throw new ArgumentOutOfRangeException(nameof(outcome), outcome, null),
    };
}

/// <summary>What became of a webhook request.</summary>
internal enum WebhookOutcome
{
    /// <summary>Signed, fresh, in the queue.</summary>
    Accepted,

    /// <summary>Accepted, but signed a while ago.</summary>
    Late,

    /// <summary>Signed, but not a usable event; in the queue for a person.</summary>
    Quarantined,

    /// <summary>Not ours to take: no valid signature, too long, wrong content type, too many failures.</summary>
    Refused,

    /// <summary>The broker did not confirm it: the sender must come back.</summary>
    Unavailable,
}
