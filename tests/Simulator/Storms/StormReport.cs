using System.Text.Json;
using System.Text.Json.Serialization;
using Platform.Simulator.Verdicts;

namespace Platform.Simulator.Storms;

/// <summary>What <c>./platform storm</c> says at its end.</summary>
/// <param name="TimesFull"><inheritdoc cref="StormProgress.TimesFull" path="/summary/node()"/></param>
/// <param name="Verdict">Null when nobody asked.</param>
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

    /// <summary>Everything was taken, and nothing that should not have been; and so says the verdict, if there is one.</summary>
    public bool IsGood => Summary is { GivenUp: 0, ForgeriesTaken: 0 } && Verdict is null or { IsClean: true, IsSettled: true };

    [JsonIgnore]
    public IEnumerable<string> Lines =>
    [
        .. Summary.Lines,
        .. TimesFull > 0 ? [$"           {TimesFull} requests had to wait, because too many were open"] : Array.Empty<string>(),
        .. Verdict?.Lines ?? [],
        .. IsGood ? Array.Empty<string>() : [$"again      with --seed {Seed} and the same options; the jobs' ids begin with {JobIdPrefix}"],
    ];

    public string ToJson() => JsonSerializer.Serialize(this, Json);
}
