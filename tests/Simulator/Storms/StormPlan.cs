using System.Security.Cryptography;
using System.Text.Json.Serialization;
using Platform.Contracts;

namespace Platform.Simulator.Storms;

/// <summary>Everything that a storm will send, and when: decided before it begins.</summary>
/// <param name="JobIdPrefix">What the ids of all its jobs begin with, and those of no other storm.</param>
/// <param name="Deliveries">In the order of their first attempts.</param>
public sealed record StormPlan(
    StormSettings Settings, string JobIdPrefix, IReadOnlyList<StormEvent> Events, IReadOnlyList<PlannedDelivery> Deliveries)
{
    /// <summary>From the first arrival to the last.</summary>
    public TimeSpan Duration => Deliveries.Count == 0 ? TimeSpan.Zero : Deliveries[^1].At;

    /// <summary>What is in it, for a person.</summary>
    public override string ToString() =>
        $"{Settings.Events} events of {Events.Select(webhook => webhook.JobId).Distinct().Count()} jobs, "
        + $"{Deliveries.Count} deliveries in {Duration.TotalSeconds:0} s, among them "
        + string.Join(", ", Deliveries.CountBy(delivery => delivery.Irregularity)
            .Where(one => one.Key is not Irregularity.None).OrderBy(one => one.Key).Select(one => $"{one.Value} {one.Key}"));

    /// <summary>The same for the same settings and the same moment.</summary>
    /// <param name="now">
    /// Part of the job ids, so that a storm can be repeated on one database; their last ten characters depend on the seed alone.
    /// </param>
    public static StormPlan Create(StormSettings settings, DateTimeOffset now) => new PlanDraft(settings, now).Finish();
}

/// <summary>One thing that is said under one identity: an event, a signed body that is none, or a forgery.</summary>
/// <param name="Type">The event's type; of a body that is no event, what is wrong with it.</param>
/// <param name="Bodies">The first body, and others under the same identity.</param>
public sealed record StormEvent(string Type, string JobId, Expectation Expected, IReadOnlyList<byte[]> Bodies)
{
    /// <summary>SHA-256 of the bodies, in lower-case hex.</summary>
    public IReadOnlyList<string> BodyHashes { get; } = [.. Bodies.Select(body => Convert.ToHexStringLower(SHA256.HashData(body)))];

    /// <summary>The id under which it crosses the broker, if it does.</summary>
    [JsonIgnore]
    public Guid MessageId => IsKeptAside ? EventIdentity.OfBody(BodyHashes[0]) : EventIdentity.Of(Type, JobId);

    /// <summary>Signed, but not usable: it belongs into quarantine.</summary>
    [JsonIgnore]
    public bool IsKeptAside => Expected is Expectation.Quarantined or Expectation.QuarantinedWith400;

    /// <summary>Whether this answer is the platform's promise.</summary>
    public bool IsAccepted(int? status) => Expected switch
    {
        Expectation.Refused => false,
        Expectation.QuarantinedWith400 => status is 400 or (>= 200 and < 300),
        _ => status is >= 200 and < 300,
    };

    public override string ToString() => $"{Type} {JobId}";
}

/// <summary>What the platform owes to what it is sent.</summary>
public enum Expectation
{
    /// <summary>2xx, and applied once.</summary>
    Applied,

    /// <summary>2xx, and kept in quarantine.</summary>
    Quarantined,

    /// <summary>400, as the sender's guide has it, and kept in quarantine all the same.</summary>
    QuarantinedWith400,

    /// <summary>401, and nothing else: it was never validly signed.</summary>
    Refused,
}

/// <summary>One body on its way to one endpoint, through as many attempts as it takes.</summary>
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

/// <summary>In what a delivery differs from the plain case, where there is such a thing.</summary>
public enum Irregularity
{
    None,

    /// <summary>The end of a job before its start.</summary>
    Reordered,

    /// <summary>Signed hours ago.</summary>
    Late,

    UnknownType,
    UnknownFields,

    /// <summary>A body that was delivered before.</summary>
    Duplicate,

    /// <summary>Another body under a known identity.</summary>
    Variant,

    /// <summary>A body that another endpoint gets too.</summary>
    OtherEndpoint,

    /// <summary>Signed, but not a usable event.</summary>
    Unusable,

    /// <summary>Signed with a secret that is not ours.</summary>
    WrongSecret,

    /// <summary>Under the signature of another body.</summary>
    AlteredBody,
}
