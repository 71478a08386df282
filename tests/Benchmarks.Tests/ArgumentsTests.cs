using System.CommandLine;
using Platform.Benchmarks.Contestants;
using Platform.Cli;
using Platform.Cli.Tests;

namespace Platform.Benchmarks.Tests;

public sealed class ArgumentsTests
{
    private static readonly RootCommand Root = new("The bench.") { BenchCommand.Create(), ContestantCommand.Create() };

    [Fact]
    public void Whatever_is_written_is_run_or_refused_in_one_line()
    {
        var fuzzer = new CommandLineFuzzer(Root, seed: 1);

        var errors = Enumerable.Range(0, 2_000).Select(_ => fuzzer.Check(fuzzer.Next())).ToArray();

        Assert.All(errors, error => Assert.DoesNotContain(error ?? "", character => char.IsControl(character)));
        Assert.Contains(null, errors);
        Assert.Contains(errors, error => error is not null);
    }

    [Theory]
    [InlineData("--rounds must be a number from 1 to 100, not 'x'.", "--rounds", "x")]
    [InlineData("--rounds must be a number", "--rounds", "0")]
    [InlineData("--json: '/etc' is a folder", "--json", "/etc")]
    [InlineData("'z'", "--only", "a", "z")]
    public void A_wrong_argument_is_refused_with_its_reason(string reason, params string[] args)
    {
        var error = CommandLine.FindError(PlatformCommands.Program, CommandLine.Parse(Root, ["bench", .. args]));

        Assert.Contains(reason, error, StringComparison.Ordinal);
        Assert.StartsWith("./platform bench: ", error, StringComparison.Ordinal);
    }
}
