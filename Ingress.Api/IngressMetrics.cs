using System.Diagnostics;
using System.Diagnostics.Metrics;
using Ingress.Api.Publishing;
using Ingress.Api.Webhooks;
using Platform.Contracts;

namespace Ingress.Api;

/// <summary>
/// The counters and histograms of this service: one method for each fact. Labels come from closed sets. Values that are read only on
/// collection are in <see cref="PublishingGauges"/>.
/// </summary>
internal sealed class IngressMetrics : IHostedService
{
    public const string MeterName = "Ingress.Api";

    private static readonly HashSet<string> KnownTypes =
    [
        "video.started", "video.completed", "video.errored",
        "image.started", "image.completed", "image.errored",
        "audio.started", "audio.completed", "audio.errored",
    ];

    private const string OtherType = "other";

    // The statuses with which Kestrel rejects a request that it cannot read. 411 is not among them: a request without a length has no body.
    private static readonly Dictionary<int, string> RejectionStatuses =
        new[] { 400, 405, 408, 414, 431, 505 }.ToDictionary(status => status, status => $"{status}");

    private const string OtherStatus = "other";

    // From a fast confirm to the sender's timeout.
    private static readonly InstrumentAdvice<double> Seconds =
        new() { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] };

    // From a fresh signature, through the threshold of "late" (300), to the maximum
    // accepted age (90000), with the sender's doubling retries in between.
    private static readonly InstrumentAdvice<double> Ages =
        new() { HistogramBucketBoundaries = [1, 2, 5, 10, 30, 60, 300, 900, 3600, 14400, 43200, 86400, 90000] };

    private readonly long[] _answers = new long[Enum.GetValues<WebhookOutcome>().Length];
    private readonly Counter<long> _received;
    private readonly Histogram<double> _processing;
    private readonly Counter<long> _signatureFailures;
    private readonly Histogram<double> _deliveryAge;
    private readonly Counter<long> _secretMatched;
    private readonly Histogram<double> _publishDuration;
    private readonly Counter<long> _publishesFailed;
    private readonly Counter<long> _publishesNotTried;
    private readonly Counter<long> _requestsRejected;
    private readonly Counter<long> _bodiesShed;
    private readonly Counter<long> _connectionsShed;

    public IngressMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        _received = meter.CreateCounter<long>("webhooks_received", null, "Webhook requests, by event type and outcome.");
        _processing = meter.CreateHistogram("webhook_processing", "s", "From the receipt of a webhook to its answer.", tags: null, Seconds);
        _signatureFailures = meter.CreateCounter<long>(
            "webhook.signature_failures", null, "Webhooks refused for their signature or its age, by reason.");
        _deliveryAge = meter.CreateHistogram(
            "webhook.delivery_age", "s", "From the signed time of a webhook to its receipt; of authentic ones, accepted or not.", tags: null, Ages);
        _secretMatched = meter.CreateCounter<long>("webhook.secret_matched", null, "Authentic webhooks, by the name of the secret.");
        _publishDuration = meter.CreateHistogram(
            "broker.publish.duration", "s", "From handing a message over to its result, by result.", tags: null, Seconds);
        _publishesFailed = meter.CreateCounter<long>(
            "broker.publishes.failed", "{message}", "Messages handed over that the broker did not confirm, by result.");
        _publishesNotTried = meter.CreateCounter<long>(
            "broker.publishes.not_tried", "{message}", "Messages rejected before they were handed over, by reason.");
        _requestsRejected = meter.CreateCounter<long>(
            "http.requests.rejected", "{request}", "Requests rejected before an endpoint saw them, by status.");
        _bodiesShed = meter.CreateCounter<long>(
            "webhook.bodies.shed", "{request}", "Webhooks whose connection was closed before their body had arrived, by reason.");
        _connectionsShed = meter.CreateCounter<long>(
            "http.connections.shed", "{connection}", "Connections closed because more than Ingress__MaxConnections were open.");
    }

    /// <summary>Starts every series at zero: without a zero first, Prometheus does not see the first event as an increase.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        Verification[] failures =
            [Verification.Malformed, Verification.WrongSignature, Verification.Stale, Verification.Early, Verification.RefusedAsLate];
        foreach (var outcome in Enum.GetValues<WebhookOutcome>())
        {
            Array.ForEach([.. KnownTypes, OtherType], type => _received.Add(0, Tag("event_type", type), Tag("outcome", Name(outcome))));
        }

        Array.ForEach(failures, failure => _signatureFailures.Add(0, Tag("reason", Reason(failure))));
        Array.ForEach([.. Enum.GetValues<PublishResult>().Where(IsFailure)], result => _publishesFailed.Add(0, Tag("result", Name(result))));
        Array.ForEach(Enum.GetValues<PublishObstacle>(), obstacle => _publishesNotTried.Add(0, Tag("reason", Name(obstacle))));
        Array.ForEach([.. RejectionStatuses.Values, OtherStatus], status => _requestsRejected.Add(0, Tag("status", status)));
        Array.ForEach(Enum.GetValues<ShedReason>(), reason => _bodiesShed.Add(0, Tag("reason", Name(reason))));
        _connectionsShed.Add(0);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Answers since the start.</summary>
    public AnswerCounts ReadAnswers() => new()
    {
        Accepted = Answers(WebhookOutcome.Accepted),
        Late = Answers(WebhookOutcome.Late),
        Quarantined = Answers(WebhookOutcome.Quarantined),
        Refused = Answers(WebhookOutcome.Refused),
        Unavailable = Answers(WebhookOutcome.Unavailable),
    };

    /// <param name="answeredAfter">Null when the request was not answered: only answers have a duration.</param>
    public void Received(string eventType, WebhookOutcome outcome, TimeSpan? answeredAfter)
    {
        _received.Add(1, new TagList
        {
            { "event_type", KnownTypes.Contains(eventType) ? eventType : OtherType },
            { "outcome", Name(outcome) },
        });
        if (answeredAfter is { } elapsed)
        {
            Interlocked.Increment(ref _answers[(int)outcome]);
            _processing.Record(elapsed.TotalSeconds);
        }
    }

    /// <param name="verification">The failed result.</param>
    public void SignatureFailed(Verification verification) => _signatureFailures.Add(1, Tag("reason", Reason(verification)));

    /// <param name="age">Age of the signature; negative when it was signed ahead of the local clock, which counts as fresh.</param>
    public void SecretMatched(WebhookSecret secret, TimeSpan age)
    {
        _secretMatched.Add(1, Tag("secret", secret.Name));
        _deliveryAge.Record(Math.Max(0, age.TotalSeconds));
    }

    public void Published(PublishResult result, TimeSpan elapsed)
    {
        _publishDuration.Record(elapsed.TotalSeconds, Tag("result", Name(result)));
        if (IsFailure(result))
        {
            _publishesFailed.Add(1, Tag("result", Name(result)));
        }
    }

    public void PublishNotTried(PublishObstacle obstacle) => _publishesNotTried.Add(1, Tag("reason", Name(obstacle)));

    public void RequestRejected(int statusCode) =>
        _requestsRejected.Add(1, Tag("status", RejectionStatuses.GetValueOrDefault(statusCode, OtherStatus)));

    public void BodyShed(ShedReason reason) => _bodiesShed.Add(1, Tag("reason", Name(reason)));

    public void ConnectionShed() => _connectionsShed.Add(1);

    private long Answers(WebhookOutcome outcome) => Interlocked.Read(ref _answers[(int)outcome]);

    private static KeyValuePair<string, object?> Tag(string name, string value) => new(name, value);

    private static string Name(WebhookOutcome outcome) => outcome switch
    {
        WebhookOutcome.Accepted => "accepted",
        WebhookOutcome.Late => "late",
        WebhookOutcome.Quarantined => "quarantined",
        WebhookOutcome.Refused => "refused",
        WebhookOutcome.Unavailable => "unavailable",
        _ => throw new ArgumentOutOfRangeException(nameof(outcome), outcome, null),
    };

    private static string Reason(Verification verification) => verification switch
    {
        Verification.Malformed => "malformed",
        Verification.WrongSignature => "wrong_signature",
        Verification.Stale => "too_old",
        Verification.Early => "in_the_future",
        Verification.RefusedAsLate => "late",
        _ => throw new ArgumentOutOfRangeException(nameof(verification), verification, null),
    };

    private static bool IsFailure(PublishResult result) => result is not PublishResult.Confirmed;

    private static string Name(PublishResult result) => result switch
    {
        PublishResult.Confirmed => "confirmed",
        PublishResult.Returned => "returned",
        PublishResult.Refused => "refused",
        PublishResult.TimedOut => "timed_out",
        PublishResult.Lost => "lost",
        _ => throw new ArgumentOutOfRangeException(nameof(result), result, null),
    };

    private static string Name(PublishObstacle obstacle) => obstacle switch
    {
        PublishObstacle.BrokerUnavailable => "broker_away",
        PublishObstacle.BreakerOpen => "breaker_open",
        PublishObstacle.TooMany => "too_many",
        _ => throw new ArgumentOutOfRangeException(nameof(obstacle), obstacle, null),
    };

    private static string Name(ShedReason reason) => reason switch
    {
        ShedReason.BudgetExhausted => "budget_exhausted",
        ShedReason.TimedOut => "timed_out",
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, null),
    };
}

/// <summary>The outcome of a webhook request.</summary>
internal enum WebhookOutcome
{
    /// <summary>Signed, fresh and queued.</summary>
    Accepted,

    /// <summary>Accepted, but signed longer ago than <see cref="MagicHourOptions.FreshFor"/>.</summary>
    Late,

    /// <summary>Signed, but not a usable event; queued for a person to examine.</summary>
    Quarantined,

    /// <summary>Rejected: no valid signature, body too long, wrong content type or too many failures.</summary>
    Refused,

    /// <summary>The broker did not confirm the message: the sender must retry.</summary>
    Unavailable,
}
