using System.Text.Json;
using System.Text.Json.Serialization;
using Platform.DevStack;

namespace Platform.Benchmarks.Figures;

/// <summary>The result of a bench run.</summary>
internal sealed record BenchReport(BenchMachine Machine, DateTimeOffset At, bool IsQuick, int RoundCount, Rounds Rounds, IReadOnlyList<PartFailure> Failures)
{
    private const string Begin = "<!-- bench: begin -->";
    private const string End = "<!-- bench: end -->";

    private static readonly JsonSerializerOptions Readable = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        // Values that could not be measured are NaN.
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    private IReadOnlyList<FigureLine> Lines => FigureLine.Of(Rounds);

    private string Conditions =>
        $"{At:yyyy-MM-dd}, {(IsQuick ? "quick, " : "")}{RoundCount} round{(RoundCount == 1 ? "" : "s")}, {Machine}.";

    public string ToText() => string.Join('\n', [Conditions, "", FigureTable.ToText(Lines), .. Failures.Select(failure => $"\n{failure}")]);

    /// <summary>Everything, including every value of every round.</summary>
    public string ToJson() => JsonSerializer.Serialize(
        new { Machine, At, IsQuick, RoundCount, Figures = Lines, Failures, Rounds = Rounds.All },
        Readable);

    /// <summary>
    /// Writes all figures to docs/performance-tables.md and the main ones to docs/performance.md, between markers in the hand-written prose.
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
