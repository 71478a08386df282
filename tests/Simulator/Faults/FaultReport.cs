using System.Globalization;
using Platform.LocalStack;

namespace Platform.Simulator.Faults;

/// <summary>
/// The last result of every fault, by broker and by length, as a page for people. A run replaces the lines of what it has run and leaves
/// the others.
/// </summary>
internal static class FaultReport
{
    private const string Heading =
        """
        # Faults on purpose

        Written by `./platform faults --report`. Under each fault that needs one goes a storm of events, sent as Magic Hour sends them; the verdict joins its
        ledger with the tables and the queues by id, and is part of every expectation: nothing lost, nothing doubled, nothing invented, every job
        the fold of its events, every answer within 5 seconds. *Full* has the durations and numbers of the fault matrix, *quick* about a tenth.

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

    /// <summary>The page with new lines in it, in the order in which faults are run.</summary>
    /// <param name="page">As it was; empty when there is none.</param>
    /// <param name="order">The ids of all faults. Lines of others are dropped.</param>
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
