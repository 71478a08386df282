using System.Text.Json;
using Platform.Simulator.Api;

namespace Platform.Simulator.Truth;

/// <summary>The final output of <c>./platform storm --truth</c>.</summary>
/// <param name="Canceled">Jobs that were cancelled.</param>
/// <param name="Deleted">Jobs that were deleted.</param>
/// <param name="Withheld">Events that were never sent.</param>
/// <param name="Found">Events that the reconciler found before any webhook reported them.</param>
/// <param name="SlowestFind">The longest time from the end of a job to such an event.</param>
/// <param name="Calls">Calls of the API by the reconciler, by status.</param>
/// <param name="MostCallsInOneSecond">Of the reconciler.</param>
internal sealed record TruthReport(
    int Seed, int Jobs, int Canceled, int Deleted, int Withheld, int Found, TimeSpan SlowestFind, IReadOnlyDictionary<string, int> Calls,
    int MostCallsInOneSecond, int Notified, TimeSpan Duration, TruthVerdict Verdict)
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase, WriteIndented = true };

    public IEnumerable<string> Lines =>
    [
        $"jobs       {Jobs} in {Duration.TotalSeconds:0} s: {Canceled} canceled, {Deleted} deleted; {Withheld} events never sent",
        $"found      {Found} events by asking, the slowest {SlowestFind.TotalSeconds:0.0} s after the end of its job",
        $"asked      {Calls.Values.Sum()} times, at most {MostCallsInOneSecond} in a second: "
            + string.Join(", ", Calls.OrderBy(one => one.Key, StringComparer.Ordinal).Select(one => $"{one.Value} × {one.Key}")),
        $"notified   {Notified}",
        .. Verdict.Lines,
        .. Verdict.IsGood ? Array.Empty<string>() : [$"repeat     with --seed {Seed} and the same options"],
    ];

    public static TruthReport Create(
        TruthSettings settings, IReadOnlyList<SimulatedJob> jobs, TruthEvidence evidence, CallReport calls, int notified, TimeSpan duration, TruthVerdict verdict)
    {
        var now = TimeProvider.System.GetUtcNow();
        var endings = jobs.ToDictionary(job => job.Id, job => job.EndsAt);
        // The storm's own calls, which create the jobs, are answered 200.
        var asked = new Dictionary<string, int>(calls.ByStatus);
        asked["200"] = asked.GetValueOrDefault("200") - calls.Creates.Count;
        return new TruthReport(
            settings.Seed,
            jobs.Count,
            jobs.Count(job => job.StatusAt(now) is JobStatus.Canceled),
            jobs.Count(job => job.IsDeletedAt(now)),
            jobs.Sum(job => job.Events.Count(one => one.State is EventState.Lost)),
            evidence.Found.Count,
            evidence.Found.Select(one => one.At - endings[one.JobId]).DefaultIfEmpty().Max(),
            asked,
            calls.MostInOneSecond.GetValueOrDefault("GET"),
            notified,
            duration,
            verdict);
    }

    public string ToJson() => JsonSerializer.Serialize(this, Json);
}
