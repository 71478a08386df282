using System.Text.Json.Serialization;

namespace Platform.Simulator.Storms;

/// <summary>The result of a storm from the sender's point of view.</summary>
public sealed record StormSummary
{
    public required int Events { get; init; }

    /// <summary>Events and quarantined bodies that the platform promised to keep.</summary>
    public required int Accepted { get; init; }

    /// <summary>Events that were not accepted before the sender gave up or the storm ended.</summary>
    public required int GivenUp { get; init; }

    public required int Attempts { get; init; }

    /// <summary>Deliveries that took more than one attempt.</summary>
    public required int Retried { get; init; }

    /// <summary>Number of answers by status.</summary>
    public required IReadOnlyDictionary<int, int> ByStatus { get; init; }

    /// <summary>Attempts without an answer.</summary>
    public required int Unknown { get; init; }

    /// <summary>A stranger's requests that were not refused; should be zero.</summary>
    public required int ForgeriesTaken { get; init; }

    /// <summary>Half of the answers came within this time.</summary>
    public required TimeSpan LatencyP50 { get; init; }

    public required TimeSpan LatencyP99 { get; init; }

    public required TimeSpan Duration { get; init; }

    public static StormSummary FromLedger(Ledger ledger)
    {
        var attempts = ledger.Attempts.OrderBy(attempt => attempt.At).ToArray();
        var wanted = ledger.Events.Count(webhook => webhook.Expected is not Expectation.Refused);
        var accepted = attempts
            .Where(attempt => ledger.Events[attempt.Event].IsAccepted(attempt.Status))
            .Select(attempt => attempt.Event)
            .Distinct()
            .Count();
        var latencies = attempts.Where(attempt => attempt.Status is not null).Select(attempt => attempt.Duration).Order().ToArray();
        return new StormSummary
        {
            Events = wanted,
            Accepted = accepted,
            GivenUp = wanted - accepted,
            Attempts = attempts.Length,
            Retried = attempts.CountBy(attempt => attempt.Delivery).Count(delivery => delivery.Value > 1),
            ByStatus = new SortedDictionary<int, int>(
                attempts.Where(attempt => attempt.Status is not null).CountBy(attempt => attempt.Status!.Value).ToDictionary()),
            Unknown = attempts.Count(attempt => attempt.Status is null),
            ForgeriesTaken = attempts.Count(attempt =>
                ledger.Events[attempt.Event].Expected is Expectation.Refused && attempt.Status is >= 200 and < 300),
            LatencyP50 = Percentile(latencies, 0.5),
            LatencyP99 = Percentile(latencies, 0.99),
            Duration = attempts is [var first, ..] ? attempts.Max(attempt => attempt.At + attempt.Duration) - first.At : TimeSpan.Zero,
        };
    }

    /// <summary>For people, one line for each fact.</summary>
    [JsonIgnore]
    public IEnumerable<string> Lines =>
    [
        $"events     {Events}: {Accepted} accepted, {GivenUp} given up",
        $"attempts   {Attempts} in {Duration.TotalSeconds:0.0} s; {Retried} deliveries took more than one",
        $"answers    {string.Join(", ", ByStatus.Select(one => $"{one.Value} × {one.Key}").Append($"{Unknown} unknown"))}",
        $"latency    {LatencyP50.TotalMilliseconds:0.0} ms p50, {LatencyP99.TotalMilliseconds:0.0} ms p99",
    ];

    private static TimeSpan Percentile(TimeSpan[] sorted, double share) =>
        sorted.Length == 0 ? TimeSpan.Zero : sorted[(int)Math.Ceiling(share * sorted.Length) - 1];
}
