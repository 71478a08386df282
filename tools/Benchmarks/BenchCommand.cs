using System.CommandLine;
using Platform.Benchmarks.Figures;
using Platform.Benchmarks.Parts;
using Platform.Benchmarks.Stage;
using Platform.Cli;
using Platform.DevStack;

namespace Platform.Benchmarks;

/// <summary><c>./platform bench</c>: measures the platform against the limits of its components.</summary>
internal static class BenchCommand
{
    private const int UsualRounds = 5;

    private static readonly Option<bool> Quick = new("--quick")
    {
        Description = "Run everything in about ten minutes: one round, short windows.",
    };

    private static readonly Option<string[]> Only = new("--only")
    {
        Description = $"Run only these parts: {string.Join(", ", Parts(Scale.Full).Select(part => $"{part.Id} {part.Name}"))}.",
        AllowMultipleArgumentsPerToken = true,
    };

    private static readonly Option<int?> RoundCount = OptionRules.Number(
        "--rounds", $"Number of rounds, each running every contestant once; {UsualRounds}, or 1 with --quick.", 1, 100);

    private static readonly Option<string> Json = new Option<string>("--json")
    {
        Description = "File for all values, as JSON; the chart of latencies goes beside it.",
        DefaultValueFactory = _ => Path.Combine(Machine.LocalFolder, "bench.json"),
    }.AcceptWritableFile();

    private static readonly Option<bool> Report = new("--report") { Description = "Write all figures to docs/performance-tables.md, the main ones to docs/performance.md, and the chart of latencies; with --only, the figures of the other parts are those in FILE." };

    public static Command Create()
    {
        Only.AcceptOnlyFromAmong([.. Parts(Scale.Full).Select(part => part.Id)]);
        var command = new Command("bench", "Measure the platform against what its broker, database and libraries can do.")
        {
            Quick, Only, RoundCount, Json, Report,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static IPart[] Parts(Scale scale) =>
    [
        new IngestPart(scale), new DrainPart(scale), new LatencyPart(scale), new GuidePart(scale), new ProcessPart(), new OutsideConfirmPart(scale),
        new TelemetryPart(scale), new NotificationPart(scale), new ListsPart(scale), new AccountingPart(scale),
        new OverduePart(scale),
    ];

    private static async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var isQuick = arguments.GetValue(Quick);
        var only = arguments.GetValue(Only) ?? [];
        var parts = Parts(isQuick ? Scale.Quick : Scale.Full).Where(part => only.Length == 0 || only.Contains(part.Id)).ToArray();
        var count = arguments.GetValue(RoundCount) ?? (isQuick ? 1 : UsualRounds);
        await using var rig = await Rig.StartAsync(cancellationToken);
        var machine = BenchMachine.Describe(rig.Queue.Version, await rig.Tables.ReadVersionAsync(cancellationToken));
        var json = arguments.GetValue(Json)!;
        var earlier = arguments.GetValue(Report) && only.Length > 0 ? await SavedReport.LoadAsync(json, cancellationToken) : null;
        earlier?.ThrowIfUnusable(machine, Parts(Scale.Full).Select(part => part.Id).Except(only));
        var run = new BenchRun(parts, count);
        await run.RunAsync(rig, cancellationToken);

        // Print the report first, even of an interrupted run, because measuring took minutes.
        var how = new PartRun(TimeProvider.System.GetLocalNow(), count, isQuick, rig.Build);
        var measured = new BenchReport(machine, parts.ToDictionary(part => part.Id, _ => how), run.Rounds, run.Failures);
        var report = earlier is null ? measured : measured.Include(earlier);
        Console.WriteLine(report.ToText());
        await File.WriteAllTextAsync(json, report.ToJson(), CancellationToken.None);
        await report.WriteChartAsync(Path.ChangeExtension(json, ".svg"), CancellationToken.None);
        if (arguments.GetValue(Report))
        {
            await report.WritePagesAsync(CancellationToken.None);
        }

        // A missed target is a finding; a part that was not measured is a failure.
        return run.Failures.Count == 0 ? 0 : 1;
    }
}
