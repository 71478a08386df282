using Platform.Benchmarks.Contestants.Wolverine;
using Platform.DevStack;

namespace Platform.Benchmarks.Tests;

public sealed class WolverineCodeTests
{
    [Fact]
    public Task The_code_that_Wolverine_would_compile_at_its_start_is_part_of_its_inbox() =>
        CheckAsync("GeneratedInbox.cs", WolverineContestant.GenerateInboxCode());

    [Fact]
    public Task The_code_that_Wolverine_would_compile_at_its_start_is_part_of_its_batch_mode() =>
        CheckAsync("GeneratedBatch.cs", WolverineContestant.GenerateBatchCode());

    private static async Task CheckAsync(string name, string code)
    {
        var file = Path.Combine(Machine.Root, "tools", "Benchmarks", "Contestants", "Wolverine", name);

        Assert.True(code == await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken), $"Replace {file} by:\n{code}");
    }
}
