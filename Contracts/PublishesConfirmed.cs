namespace Platform.Contracts;

/// <summary>
/// Which of its publishes an ingress has had confirmed by the broker, and therefore answered 2xx. Repeated every few seconds through the queue of the events,
/// so that it is delivered after all of them. The worker compares it with the numbers that arrived.
/// </summary>
/// <remarks>
/// Each report repeats the ones before, so that a lost one costs nothing. It is published to the exchange of <see cref="WebhookReceived"/>, which leads
/// to the same queue: an exchange of its own would be missing until <c>migrate</c> has run, and publishing to a missing exchange closes the
/// channel. A worker that does not know the contract moves it to <see cref="Topology.SkippedQueue"/>. Changes are additive only; see <see cref="WebhookReceived"/>.
/// </remarks>
public sealed record PublishesConfirmed
{
    /// <inheritdoc cref="PublishNumber.Source"/>
    public required long Source { get; init; }

    /// <summary>The name of the machine or pod, for a person.</summary>
    public required string Instance { get; init; }

    /// <summary>When the process started, by its own clock.</summary>
    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>When the report was made, by the same clock.</summary>
    public required DateTimeOffset ReportedAt { get; init; }

    /// <summary>The report says nothing about numbers up to this one; usually 0.</summary>
    public required long After { get; init; }

    /// <summary>All numbers above <see cref="After"/> up to this one were confirmed, except <see cref="Unconfirmed"/>.</summary>
    public required long Through { get; init; }

    /// <summary>Ascending: published, and refused, returned, lost or not answered in time. Their messages may be queued all the same.</summary>
    public required IReadOnlyList<NumberRange> Unconfirmed { get; init; }

    /// <summary>What the ingress answered since it started; null from one of an earlier version.</summary>
    public AnswerCounts? Answers { get; init; }
}

/// <summary>Answers to webhook requests since an ingress started, by outcome. Requests whose client left before the answer do not count.</summary>
public sealed record AnswerCounts
{
    /// <summary>2xx: queued.</summary>
    public required long Accepted { get; init; }

    /// <summary>2xx: queued, but signed long before.</summary>
    public required long Late { get; init; }

    /// <summary>200 or 400: signed, but not a usable event; queued for a person to examine.</summary>
    public required long Quarantined { get; init; }

    /// <summary>4xx: no valid signature, too long, of another content type, or too many failures.</summary>
    public required long Refused { get; init; }

    /// <summary>503: not confirmed by the broker, or too busy. The sender retries.</summary>
    public required long Unavailable { get; init; }
}
