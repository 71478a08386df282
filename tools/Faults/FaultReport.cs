using System.Globalization;
using Platform.DevStack;

namespace Platform.Faults;

/// <summary>
/// The report docs/faults.md: the last result of every fault, by broker and length. A run replaces the lines of the faults it ran and keeps
/// the others.
/// </summary>
internal static class FaultReport
{
    private const string Heading =
        """
        # Injected faults

        Written by `./platform faults --report`. Most faults run under a storm, whose verdict is part of the expectation: nothing lost, doubled or
        invented, every job the fold of its events, every answer within 5 seconds. *Quick* uses about a tenth of the durations and counts of *full*.

        | Id | Broker | Length | Fault | Expected | Verdict | Seen | Time | Date | Machine | Seed |
        | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
        """;

    public static string File => Path.Combine(Machine.Root, "docs", "faults.md");

    public static string Line(FaultResult result, string broker, bool isFull, int seed, DateTimeOffset now)
    {
        string[] cells =
        [
            result.Fault.Id, broker, isFull ? "full" : "quick", result.Fault.What, result.Fault.Expected, FaultRunner.Word(result.Verdict),
            result.Figures, $"{result.Duration.TotalSeconds:0} s", now.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), Describe(), $"{seed}",
        ];
        return $"| {string.Join(" | ", cells.Select(cell => cell.ReplaceLineEndings(" ").Replace("|", "/", StringComparison.Ordinal)))} |";
    }

    /// <summary>Merges new lines into the page, in the order in which the faults run.</summary>
    /// <param name="page">The current page; empty when there is none.</param>
    /// <param name="order">The ids of all faults. Lines with other ids are dropped.</param>
    public static string Merge(string page, IEnumerable<string> lines, IReadOnlyList<string> order)
    {
        var byKey = page.Split('\n').Concat(lines)
            .Select(line => line.Split(" | "))
            .Where(cells => cells.Length > 3)
            .Select(cells => (Id: cells[0].TrimStart('|', ' '), Key: string.Join('|', cells[..3]), Line: string.Join(" | ", cells)))
            .Where(line => order.Contains(line.Id))
            .GroupBy(line => line.Key)
            .Select(group => group.Last());
        var byFault = byKey.ToLookup(line => line.Id);
        return $"{Heading}\n{string.Join('\n', order.SelectMany(id => byFault[id].OrderBy(line => line.Key, StringComparer.Ordinal)).Select(line => line.Line))}\n";
    }

    private static string Describe() => $"{Environment.ProcessorCount} cores, {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1 << 30)} GiB";
}
