using System.Text.Json;
using System.Text.Json.Serialization;
using Platform.Benchmarks.Parts;
using Platform.DevStack;

namespace Platform.Benchmarks.Figures;

/// <summary>The result of a bench run.</summary>
/// <param name="Parts">The measured parts, by their letters.</param>
internal sealed record BenchReport(BenchMachine Machine, IReadOnlyDictionary<string, PartRun> Parts, Rounds Rounds, IReadOnlyList<PartFailure> Failures)
{
    private const string Begin = "<!-- bench: begin -->";
    private const string End = "<!-- bench: end -->";
    private const string ChartFile = "accept-to-commit.svg";

    /// <summary>The format of the file.</summary>
    public static JsonSerializerOptions Format { get; } = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        // Values that could not be measured are NaN.
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    private IReadOnlyList<FigureLine> Lines => FigureLine.FromRounds(Rounds, Parts);

    private string Conditions
    {
        get
        {
            var runs = Parts.GroupBy(part => part.Value, part => part.Key).ToArray();
            var described = runs.Length == 1 ? [$"{runs[0].Key}"] : runs.Select(run => $"{string.Join(", ", run.Order(StringComparer.Ordinal))}: {run.Key}");
            return $"{string.Join("; ", described)}; {Machine}.";
        }
    }

    public string ToText() => string.Join('\n', [Conditions, "", FigureTable.ToText(Lines), .. Failures.Select(failure => $"\n{failure}")]);

    /// <summary>Everything, including every value of every round.</summary>
    public string ToJson() => JsonSerializer.Serialize(
        new { Machine, Parts, Figures = Lines, Failures, Rounds = Rounds.All, Rounds.KeyParts }, Format);

    /// <summary>Draws the latencies as an SVG, if they were measured.</summary>
    public async Task WriteChartAsync(string file, CancellationToken cancellationToken)
    {
        if (Parts.TryGetValue(LatencyPart.Letter, out var run))
        {
            await File.WriteAllTextAsync(file, LatencyChart.Draw(Rounds, $"{run}; {Machine.Cores} cores of {Machine.Cpu}"), cancellationToken);
        }
    }

    /// <summary>Adds the parts of an earlier report that this one does not have.</summary>
    public BenchReport Include(SavedReport earlier)
    {
        foreach (var (key, part) in earlier.KeyParts.Where(key => !Parts.ContainsKey(key.Value)))
        {
            foreach (var (number, value) in earlier.Rounds[key])
            {
                Rounds.Begin(number, part).Add(key, value);
            }
        }

        return this with { Parts = earlier.Parts.Where(part => !Parts.ContainsKey(part.Key)).Concat(Parts).ToDictionary() };
    }

    /// <summary>
    /// Writes all figures to docs/performance-tables.md and the main ones to docs/performance.md, between markers in the hand-written prose, and
    /// draws the latencies.
    /// </summary>
    /// <exception cref="SetupException">The markers are missing, or a part has failed: the pages keep their last complete tables.</exception>
    public async Task WritePagesAsync(CancellationToken cancellationToken)
    {
        if (Failures.Count > 0)
        {
            throw new SetupException("The pages are unchanged, because not everything was measured.");
        }

        await WriteAsync("performance-tables.md", FigureTable.ToMarkdown(Lines), cancellationToken);
        await WriteAsync("performance.md", FigureTable.ToSummary(Lines), cancellationToken);
        await WriteChartAsync(Path.Combine(DevStack.Machine.Root, "docs", "images", ChartFile), cancellationToken);
    }

    private async Task WriteAsync(string name, string table, CancellationToken cancellationToken)
    {
        var path = Path.Combine(DevStack.Machine.Root, "docs", name);
        var page = await File.ReadAllTextAsync(path, cancellationToken);
        var begin = page.IndexOf(Begin, StringComparison.Ordinal);
        var end = page.IndexOf(End, StringComparison.Ordinal);
        if (begin < 0 || end < begin)
        {
            throw new SetupException($"{path} must contain the lines {Begin} and {End}; the table goes between them.");
        }

        await File.WriteAllTextAsync(path, $"{page[..begin]}{Begin}\n\n{Conditions}\n\n{table}\n\n{page[end..]}", cancellationToken);
    }
}
