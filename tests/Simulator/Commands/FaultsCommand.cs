using System.CommandLine;
using Platform.LocalStack;
using Platform.Simulator.Faults;

namespace Platform.Simulator.Commands;

/// <summary><c>./platform faults</c>: breaks a platform of its own in every way that is known, and judges what comes of it.</summary>
internal static class FaultsCommand
{
    // The durations of the matrix, in the default run.
    private const double QuickScale = 0.1;

    private const int QuickFuzz = 10_000;

    public static Command Create()
    {
        var only = new Option<string[]>("--only") { Description = "Only these, such as P01 or B07.1; mutants by a part of their name.", AllowMultipleArgumentsPerToken = true };
        var full = new Option<bool>("--full") { Description = "As long as the fault matrix has it, on the native broker and on that of the image." };
        var docker = new Option<bool>("--docker") { Description = "With the broker of the image, in a container." };
        var seed = new Option<int?>("--seed") { Description = "Decides what is left to chance; by default another each time." };
        var report = new Option<bool>("--report") { Description = "Put the results into docs/faults.md." };
        var fuzz = new Option<int>("--fuzz") { Description = "Inputs of the fault FUZZ.", DefaultValueFactory = _ => QuickFuzz };
        var mutants = new Option<bool>("--mutants") { Description = "Break copies of the source instead, and see that each break is noticed." };
        var command = new Command("faults", "Break a platform of its own in every way that is known, and judge what comes of it.")
        {
            only, full, docker, seed, fuzz, report, mutants,
        };
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var chosenSeed = arguments.GetValue(seed) ?? Random.Shared.Next(1, 10_000);
            if (arguments.GetValue(mutants))
            {
                return await RunMutantsAsync(arguments.GetValue(only) ?? [], chosenSeed, cancellationToken);
            }

            var faults = FaultList.Find(arguments.GetValue(only) ?? [], arguments.GetValue(fuzz), arguments.GetValue(full));
            if (faults.Count == 0)
            {
                throw new SetupException($"There is no such fault. There are: {string.Join(", ", FaultList.Of(QuickFuzz).Select(fault => fault.Id))}.");
            }

            var isFull = arguments.GetValue(full);
            bool[] brokers = isFull ? [false, true] : [arguments.GetValue(docker)];
            return await RunAsync(faults, brokers, isFull ? 1 : QuickScale, chosenSeed, arguments.GetValue(report), cancellationToken);
        });
        return command;
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
            // What was skipped has no result, and leaves that of an earlier run.
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
        var order = FaultList.Of(QuickFuzz).Select(fault => fault.Id).ToArray();
        await File.WriteAllTextAsync(FaultReport.File, FaultReport.Merge(page, lines, order), cancellationToken);
    }
}
