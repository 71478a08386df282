using System.CommandLine;
using System.CommandLine.Parsing;
using Platform.DevStack;
using Platform.Faults;

namespace Platform.Cli;

/// <summary><c>./platform faults</c>: injects every known fault into a private platform and judges the result.</summary>
internal static class FaultsCommand
{
    // Factor for the durations in the fault matrix, in the default run.
    private const double QuickScale = 0.1;

    private const int QuickFuzz = 10_000;

    public static Command Create()
    {
        var only = new Option<string[]>("--only") { Description = "Run only these faults, such as P01 or B07.1, or the mutants whose name contains this text.", AllowMultipleArgumentsPerToken = true };
        var full = new Option<bool>("--full") { Description = "Use the full durations of the fault matrix, on the native broker and on the broker of the image." };
        var docker = new Option<bool>("--docker") { Description = "Use the broker of the image, in a container." };
        var seed = OptionRules.Number("--seed", "Seed for everything random; by default a new one each time.", 0, int.MaxValue);
        var report = new Option<bool>("--report") { Description = "Write the results to docs/faults.md." };
        var fuzz = OptionRules.Number("--fuzz", "Number of inputs for the fault FUZZ.", QuickFuzz, 1, 100_000_000);
        var mutants = new Option<bool>("--mutants") { Description = "Mutate copies of the source instead, and check that each mutant is caught." };
        var command = new Command("faults", "Inject every known fault into a private platform and judge the result.")
        {
            only, full, docker, seed, fuzz, report, mutants,
        };
        command.Exclude(mutants, full, docker, fuzz, report);
        // --full runs on both brokers.
        command.Exclude(full, docker);
        command.Validators.Add(result => RequireKnown(result, result.Texts(only), result.IsOn(mutants)));
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var chosenSeed = arguments.GetValue(seed) ?? Random.Shared.Next(1, 10_000);
            if (arguments.GetValue(mutants))
            {
                return await RunMutantsAsync(arguments.GetValue(only) ?? [], chosenSeed, cancellationToken);
            }

            var faults = FaultList.Find(arguments.GetValue(only) ?? [], arguments.GetValue(fuzz), arguments.GetValue(full));
            var isFull = arguments.GetValue(full);
            bool[] brokers = isFull ? [false, true] : [arguments.GetValue(docker)];
            return await RunAsync(faults, brokers, isFull ? 1 : QuickScale, chosenSeed, arguments.GetValue(report), cancellationToken);
        });
        return command;
    }

    // Checks each name: a misspelt one must not be ignored because another one is known.
    private static void RequireKnown(CommandResult result, IReadOnlyList<string> names, bool areMutants)
    {
        var known = areMutants ? MutantList.All.Select(mutant => mutant.Name) : FaultList.Create(QuickFuzz).Select(fault => fault.Id);
        foreach (var name in names.Where(name => (areMutants ? MutantList.Find([name]).Count : FaultList.Find([name], QuickFuzz, isFull: true).Count) == 0))
        {
            result.AddError($"There is no {(areMutants ? "mutant" : "fault")} '{name}'. Known: {string.Join(", ", known)}.");
        }
    }

    private static async Task<int> RunMutantsAsync(string[] names, int seed, CancellationToken cancellationToken)
    {
        await ServerPackages.EnsureAsync(cancellationToken);
        var mutants = MutantList.Find(names);
        var caught = await new MutantRunner(seed).RunAsync(mutants, cancellationToken);
        Console.WriteLine($"{caught} of {mutants.Count} mutants caught");
        return caught == mutants.Count ? 0 : 1;
    }

    private static async Task<int> RunAsync(
        IReadOnlyList<Fault> faults, bool[] inContainer, double scale, int seed, bool writesReport, CancellationToken cancellationToken)
    {
        await ServerPackages.EnsureAsync(cancellationToken);
        Console.WriteLine($"seed {seed}");
        var results = new List<FaultResult>();
        var lines = new List<string>();
        foreach (var container in inContainer)
        {
            var runner = new FaultRunner(container, seed, scale);
            var ofBroker = await runner.RunAsync(faults, cancellationToken);
            results.AddRange(ofBroker);
            // A skipped fault keeps the result of an earlier run.
            lines.AddRange(ofBroker.Where(result => result.Verdict is not FaultVerdict.Skipped).Select(result =>
                FaultReport.Line(result, runner.BrokerVersion, isFull: scale >= 1, seed, TimeProvider.System.GetLocalNow())));
        }

        int Count(FaultVerdict verdict) => results.Count(result => result.Verdict == verdict);
        Console.WriteLine($"{Count(FaultVerdict.Passed)} passed, {Count(FaultVerdict.Failed)} failed, {Count(FaultVerdict.Skipped)} skipped");
        if (writesReport)
        {
            await WriteReportAsync(lines, cancellationToken);
        }

        return Count(FaultVerdict.Failed) == 0 ? 0 : 1;
    }

    private static async Task WriteReportAsync(IEnumerable<string> lines, CancellationToken cancellationToken)
    {
        var page = File.Exists(FaultReport.File) ? await File.ReadAllTextAsync(FaultReport.File, cancellationToken) : "";
        var order = FaultList.Create(QuickFuzz).Select(fault => fault.Id).ToArray();
        await File.WriteAllTextAsync(FaultReport.File, FaultReport.Merge(page, lines, order), cancellationToken);
    }
}
