using System.CommandLine;
using Platform.Benchmarks;
using Platform.Benchmarks.Contestants;
using Platform.Cli;

return await CommandLine.RunAsync(
    PlatformCommands.Program,
    new RootCommand("The program behind ./platform bench.") { BenchCommand.Create(), ContestantCommand.Create() },
    args,
    PlatformCommands.IsForeseen);
