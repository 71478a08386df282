using System.Globalization;
using System.Text;
using Platform.LocalStack;

namespace Platform.Simulator.Faults;

/// <summary><c>docs/faults.md</c>: what was done, what was expected, what was seen.</summary>
internal static class FaultReport
{
    public static string File => Path.Combine(Machine.Root, "docs", "faults.md");

    public static string Write(IReadOnlyList<FaultResult> results, string broker, int seed, DateTimeOffset now)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"""
            # Faults on purpose

            Written by `./platform faults --report`. Under each fault that needs one goes a storm of events, sent as Magic Hour sends them; the verdict joins its
            ledger with the tables and the queues by id, and is part of every expectation: nothing lost, nothing doubled, nothing invented, every job
            the fold of its events, every answer within 5 seconds.

            | | |
            | --- | --- |
            | Date | {now:yyyy-MM-dd} |
            | Machine | {Environment.ProcessorCount} cores, {Describe()} |
            | Broker | {broker} |
            | Seed | {seed} |
            | Result | {Count(FaultVerdict.Passed)} passed, {Count(FaultVerdict.Failed)} failed, {Count(FaultVerdict.Skipped)} skipped |

            | Id | Fault | Expected | Verdict | Seen | Time |
            | --- | --- | --- | --- | --- | --- |
            """);
        foreach (var result in results)
        {
            text.AppendLine(
                CultureInfo.InvariantCulture,
                $"| {result.Fault.Id} | {result.Fault.What} | {result.Fault.Expected} | {FaultRunner.Word(result.Verdict)} | {OneLine(result.Figures)} | {result.Duration.TotalSeconds:0} s |");
        }

        return text.ToString();

        int Count(FaultVerdict verdict) => results.Count(result => result.Verdict == verdict);
    }

    private static string OneLine(string figures) => figures.ReplaceLineEndings(" ").Replace("|", "\\|", StringComparison.Ordinal);

    private static string Describe() => $"{GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1 << 30)} GiB, {Environment.OSVersion.VersionString}, .NET {Environment.Version}";
}
