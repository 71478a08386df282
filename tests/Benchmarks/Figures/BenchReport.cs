using System.Text.Json;
using Platform.LocalStack;

namespace Platform.Benchmarks.Figures;

/// <summary>What a run of the bench leaves behind.</summary>
internal sealed record BenchReport(BenchMachine Machine, DateTimeOffset At, bool IsQuick, int RoundCount, Rounds Rounds)
{
    private const string Begin = "<!-- bench: begin -->";
    private const string End = "<!-- bench: end -->";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static string Page => Path.Combine(LocalStack.Machine.Root, "docs", "performance.md");

    public string Conditions =>
        $"{At:yyyy-MM-dd}, {(IsQuick ? "quick, " : "")}{RoundCount} round{(RoundCount == 1 ? "" : "s")}, {Machine}.";

    /// <summary>Everything, every round of every figure included.</summary>
    public string ToJson() => JsonSerializer.Serialize(
        new
        {
            machine = Machine,
            at = At,
            quick = IsQuick,
            rounds = RoundCount,
            values = Rounds.All.ToDictionary(value => value.Key, value => value.Value.Values),
        },
        Indented);

    /// <summary>Puts the table in its place on the page; the prose around it is a person's.</summary>
    /// <exception cref="SetupException">The place is not marked.</exception>
    public async Task WritePageAsync(CancellationToken cancellationToken)
    {
        var page = await File.ReadAllTextAsync(Page, cancellationToken);
        var begin = page.IndexOf(Begin, StringComparison.Ordinal);
        var end = page.IndexOf(End, StringComparison.Ordinal);
        if (begin < 0 || end < begin)
        {
            throw new SetupException($"{Page} must have the lines {Begin} and {End}; the table goes between them.");
        }

        await File.WriteAllTextAsync(
            Page, $"{page[..begin]}{Begin}\n\n{Conditions}\n\n{FigureTable.ToMarkdown(Rounds)}\n\n{page[end..]}", cancellationToken);
    }
}
