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
    private const int UsualRounds = 3;

    private static readonly Option<bool> Quick = new("--quick")
    {
        Description = "Run everything in less than five minutes: one round, short windows.",
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
        Description = "File for all values, as JSON.",
        DefaultValueFactory = _ => Path.Combine(Machine.LocalFolder, "bench.json"),
    }.AcceptWritableFile();

    private static readonly Option<bool> Report = new("--report") { Description = "Write all figures to docs/performance-tables.md and the main ones to docs/performance.md." };

    public static Command Create()
    {
        Only.AcceptOnlyFromAmong([.. Parts(Scale.Full).Select(part => part.Id)]);
        var command = new Command("bench", "Measure the platform against what its broker, database and libraries can do.")
        {
            Quick, Only, RoundCount, Json, Report,
        };
        // The pages need all parts.
        command.Exclude(Report, Only);
        command.SetAction(RunAsync);
        return command;
    }

    private static IPart[] Parts(Scale scale) =>
    [
        new IngestPart(scale), new DrainPart(scale), new LatencyPart(scale), new GuidePart(scale), new ProcessPart(), new OutsideConfirmPart(scale),
        new TelemetryPart(scale), new NotificationPart(scale),
    ];

    private static async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var isQuick = arguments.GetValue(Quick);
        var only = arguments.GetValue(Only) ?? [];
        var parts = Parts(isQuick ? Scale.Quick : Scale.Full).Where(part => only.Length == 0 || only.Contains(part.Id)).ToArray();
        var count = arguments.GetValue(RoundCount) ?? (isQuick ? 1 : UsualRounds);
        await using var rig = await Rig.StartAsync(cancellationToken);
        var machine = await BenchMachine.DescribeAsync(rig.Queue.Version, await rig.Tables.ReadVersionAsync(cancellationToken), cancellationToken);
        var run = new BenchRun(parts, count);
        await run.RunAsync(rig, cancellationToken);

        // Print the report first, even of an interrupted run, because measuring took minutes.
        var report = new BenchReport(machine, TimeProvider.System.GetLocalNow(), isQuick, count, run.Rounds, run.Failures);
        Console.WriteLine(report.ToText());
        await File.WriteAllTextAsync(arguments.GetValue(Json)!, report.ToJson(), CancellationToken.None);
        if (arguments.GetValue(Report))
        {
            await report.WritePagesAsync(CancellationToken.None);
        }

        // A missed target is a finding; a part that was not measured is a failure.
        return run.Failures.Count == 0 ? 0 : 1;
    }
}
