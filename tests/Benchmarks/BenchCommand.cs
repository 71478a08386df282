using System.CommandLine;
using Platform.Benchmarks.Figures;
using Platform.Benchmarks.Measures;
using Platform.Benchmarks.Parts;
using Platform.Benchmarks.Stage;
using Platform.LocalStack;

namespace Platform.Benchmarks;

/// <summary><c>./platform bench</c>: measures the platform beside its limits.</summary>
internal static class BenchCommand
{
    private const int UsualRounds = 3;

    private static readonly Option<bool> Quick = new("--quick")
    {
        Description = "Everything in less than five minutes: one round, short windows.",
    };

    private static readonly Option<string[]> Only = new("--only")
    {
        Description = "Only these parts: a ingest, b drain, c accept to commit, d the guide's handler, e processes, f outside the confirm, "
            + "g telemetry, h notifications.",
        AllowMultipleArgumentsPerToken = true,
    };

    private static readonly Option<int?> RoundCount = new("--rounds")
    {
        Description = $"How often each contestant runs, in turns; {UsualRounds}, or 1 with --quick.",
    };

    private static readonly Option<string> Json = new("--json")
    {
        Description = "Where every value is written down.",
        DefaultValueFactory = _ => Path.Combine(Machine.LocalFolder, "bench.json"),
    };

    private static readonly Option<bool> Report = new("--report") { Description = "Put the table into docs/performance.md, and what has a target into README.md." };

    public static Command Create()
    {
        Only.AcceptOnlyFromAmong([.. Parts(Scale.Full).Select(part => part.Id)]);
        RoundCount.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() < 1)
            {
                result.AddError("--rounds must be at least 1.");
            }
        });
        var command = new Command("bench", "Measure the platform beside what its broker, its database and its libraries can do.")
        {
            Quick, Only, RoundCount, Json, Report,
        };
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
        var (machine, rounds) = await MeasureAsync(parts, count, cancellationToken);

        var report = new BenchReport(machine, TimeProvider.System.GetLocalNow(), isQuick, count, rounds);
        await File.WriteAllTextAsync(arguments.GetValue(Json)!, report.ToJson(), cancellationToken);
        if (arguments.GetValue(Report))
        {
            await report.WritePagesAsync(cancellationToken);
        }

        // A missed target is a finding, not a failure.
        Console.WriteLine(report.ToText());
        return 0;
    }

    private static async Task<(BenchMachine Machine, Rounds Rounds)> MeasureAsync(IPart[] parts, int count, CancellationToken cancellationToken)
    {
        await using var rig = await Rig.StartAsync(cancellationToken);
        var machine = await BenchMachine.DescribeAsync(rig.Queue.Version, await rig.Tables.ReadVersionAsync(cancellationToken), cancellationToken);
        var rounds = new Rounds();
        for (var number = 1; number <= count; number++)
        {
            Progress.Say($"round {number} of {count}");
            foreach (var part in parts)
            {
                var neighbours = new Neighbours();
                var round = rounds.Begin(number);
                await part.RunAsync(rig, round, cancellationToken);
                round.Add($"neighbours.{part.Id}", neighbours.Cores);
            }
        }

        return (machine, rounds);
    }
}
