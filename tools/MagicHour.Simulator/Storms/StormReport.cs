using System.Text.Json;
using System.Text.Json.Serialization;
using Platform.Simulator.Verdicts;

namespace Platform.Simulator.Storms;

/// <summary>The final output of <c>./platform storm</c>.</summary>
/// <param name="TimesFull"><inheritdoc cref="StormProgress.TimesFull" path="/summary/node()"/></param>
/// <param name="Verdict">Null without <c>--verify</c>.</param>
internal sealed record StormReport([property: JsonIgnore] StormPlan Plan, StormSummary Summary, int TimesFull, Verdict? Verdict)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        WriteIndented = true,
    };

    [JsonPropertyOrder(-1)]
    public int Seed => Plan.Settings.Seed;

    [JsonPropertyOrder(-1)]
    public string JobIdPrefix => Plan.JobIdPrefix;

    /// <summary>Every event and no forgery was accepted, and the verdict, if any, is clean.</summary>
    public bool IsGood => Summary is { GivenUp: 0, ForgeriesTaken: 0 } && Verdict is null or { IsClean: true, IsSettled: true };

    [JsonIgnore]
    public IEnumerable<string> Lines =>
    [
        .. Summary.Lines,
        .. TimesFull > 0 ? [$"           {TimesFull} requests were delayed because too many were open"] : Array.Empty<string>(),
        .. Verdict?.Lines ?? [],
        .. IsGood ? Array.Empty<string>() : [$"repeat     with --seed {Seed} and the same options; the jobs' ids begin with {JobIdPrefix}"],
    ];

    public string ToJson() => JsonSerializer.Serialize(this, Json);
}
