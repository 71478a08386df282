using System.Security.Cryptography;
using System.Text.Json.Serialization;
using Platform.Contracts;

namespace Platform.Simulator.Storms;

/// <summary>Everything that a storm will send, and when; decided before it begins.</summary>
/// <param name="JobIdPrefix">Prefix of the ids of all its jobs, unique to this storm.</param>
/// <param name="Deliveries">Ordered by first attempt.</param>
public sealed record StormPlan(
    StormSettings Settings, string JobIdPrefix, IReadOnlyList<StormEvent> Events, IReadOnlyList<PlannedDelivery> Deliveries)
{
    /// <summary>From the first arrival to the last.</summary>
    public TimeSpan Duration => Deliveries.Count == 0 ? TimeSpan.Zero : Deliveries[^1].At;

    /// <summary>A summary for people.</summary>
    public override string ToString() =>
        $"{Settings.Events} events of {Events.Select(webhook => webhook.JobId).Distinct().Count()} jobs, "
        + $"{Deliveries.Count} deliveries in {Duration.TotalSeconds:0} s, among them "
        + string.Join(", ", Deliveries.CountBy(delivery => delivery.Irregularity)
            .Where(one => one.Key is not Irregularity.None).OrderBy(one => one.Key).Select(one => $"{one.Value} {one.Key}"));

    /// <summary>Deterministic: the same settings and time give the same plan.</summary>
    /// <param name="now">
    /// Part of the job ids, so that a storm can be repeated on the same database; their last ten characters depend only on the seed.
    /// </param>
    public static StormPlan Create(StormSettings settings, DateTimeOffset now) => new PlanDraft(settings, now).Finish();
}

/// <summary>Something sent under one identity: an event, a signed body that is not an event, or a forgery.</summary>
/// <param name="Type">The event type; for a body that is not an event, its defect.</param>
/// <param name="Bodies">The first body, then variants under the same identity.</param>
public sealed record StormEvent(string Type, string JobId, Expectation Expected, IReadOnlyList<byte[]> Bodies)
{
    /// <summary>SHA-256 of the bodies, in lower-case hex.</summary>
    public IReadOnlyList<string> BodyHashes { get; } = [.. Bodies.Select(body => Convert.ToHexStringLower(SHA256.HashData(body)))];

    /// <summary>The id of the broker message, if the event is published.</summary>
    [JsonIgnore]
    public Guid MessageId => IsKeptAside ? EventIdentity.FromBody(BodyHashes[0]) : EventIdentity.Create(Type, JobId);

    /// <summary>Signed but not usable: it belongs in quarantine.</summary>
    [JsonIgnore]
    public bool IsKeptAside => Expected is Expectation.Quarantined or Expectation.QuarantinedWith400;

    /// <summary>Whether this status is the answer that the platform promises.</summary>
    public bool IsAccepted(int? status) => Expected switch
    {
        Expectation.Refused => false,
        Expectation.QuarantinedWith400 => status is 400 or (>= 200 and < 300),
        _ => status is >= 200 and < 300,
    };

    public override string ToString() => $"{Type} {JobId}";
}

/// <summary>The answer and effect that the platform promises.</summary>
public enum Expectation
{
    /// <summary>2xx and applied once.</summary>
    Applied,

    /// <summary>2xx and kept in quarantine.</summary>
    Quarantined,

    /// <summary>400, as the sender's guide requires, and kept in quarantine nevertheless.</summary>
    QuarantinedWith400,

    /// <summary>401 without effect: it was never validly signed.</summary>
    Refused,
}

/// <summary>The delivery of one body to one endpoint, with as many attempts as it takes.</summary>
public sealed record PlannedDelivery
{
    /// <summary>Index in <see cref="StormPlan.Events"/>.</summary>
    public required int Event { get; init; }

    /// <summary>Index in <see cref="StormEvent.Bodies"/>.</summary>
    public required int Body { get; init; }

    public required int Endpoint { get; init; }

    /// <summary>When the first attempt begins, from the start of the storm.</summary>
    public required TimeSpan At { get; init; }

    /// <summary>How old the signature of the first attempt is.</summary>
    public TimeSpan Age { get; init; }

    public required bool ReSign { get; init; }

    public required Irregularity Irregularity { get; init; }
}

/// <summary>How a delivery differs from the regular case.</summary>
public enum Irregularity
{
    None,

    /// <summary>The end of a job arrives before its start.</summary>
    Reordered,

    /// <summary>Signed hours ago.</summary>
    Late,

    UnknownType,
    UnknownFields,

    /// <summary>A body that was delivered already.</summary>
    Duplicate,

    /// <summary>Another body under a known identity.</summary>
    Variant,

    /// <summary>A body that another endpoint also gets.</summary>
    OtherEndpoint,

    /// <summary>Signed, but not a usable event.</summary>
    Unusable,

    /// <summary>Signed with a wrong secret.</summary>
    WrongSecret,

    /// <summary>Sent with the signature of another body.</summary>
    AlteredBody,
}
