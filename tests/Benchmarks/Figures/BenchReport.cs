using System.Text.Json;
using System.Text.Json.Serialization;
using Platform.LocalStack;

namespace Platform.Benchmarks.Figures;

/// <summary>What a run of the bench leaves behind.</summary>
internal sealed record BenchReport(BenchMachine Machine, DateTimeOffset At, bool IsQuick, int RoundCount, Rounds Rounds)
{
    private const string Begin = "<!-- bench: begin -->";
    private const string End = "<!-- bench: end -->";

    private static readonly JsonSerializerOptions Readable = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        // Of what could not be measured.
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    private IReadOnlyList<FigureLine> Lines => FigureLine.Of(Rounds);

    private string Conditions =>
        $"{At:yyyy-MM-dd}, {(IsQuick ? "quick, " : "")}{RoundCount} round{(RoundCount == 1 ? "" : "s")}, {Machine}.";

    public string ToText() => $"{Conditions}\n\n{FigureTable.ToText(Lines)}";

    /// <summary>Everything, every round of every value included.</summary>
    public string ToJson() => JsonSerializer.Serialize(
        new { Machine, At, IsQuick, RoundCount, Figures = Lines, Rounds = Rounds.All },
        Readable);

    /// <summary>
    /// Puts the table in its place in docs/performance.md, and what has a target in README.md; the prose around it is a person's.
    /// </summary>
    /// <exception cref="SetupException">The place is not marked.</exception>
    public async Task WritePagesAsync(CancellationToken cancellationToken)
    {
        await WriteAsync(Path.Combine("docs", "performance.md"), Lines, cancellationToken);
        await WriteAsync("README.md", [.. Lines.Where(line => line.Figure.Target is not null)], cancellationToken);
    }

    private async Task WriteAsync(string name, IReadOnlyList<FigureLine> lines, CancellationToken cancellationToken)
    {
        var path = Path.Combine(LocalStack.Machine.Root, name);
        var page = await File.ReadAllTextAsync(path, cancellationToken);
        var begin = page.IndexOf(Begin, StringComparison.Ordinal);
        var end = page.IndexOf(End, StringComparison.Ordinal);
        if (begin < 0 || end < begin)
        {
            throw new SetupException($"{path} must have the lines {Begin} and {End}; the table goes between them.");
        }

        var table = $"{Begin}\n\n{Conditions}\n\n{FigureTable.ToMarkdown(lines)}\n\n";
        await File.WriteAllTextAsync(path, page[..begin] + table + page[end..], cancellationToken);
    }
}
