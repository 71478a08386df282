using Platform.DevStack;

namespace Platform.Faults.Tests;

public sealed class MutantTests
{
    public static TheoryData<string> Names => [.. MutantList.All.Select(mutant => mutant.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_mutant_fits_the_source(string name)
    {
        var mutant = MutantList.All.Single(one => one.Name == name);
        var original = File.ReadAllText(Path.Combine(Machine.Root, mutant.File));

        Assert.NotEqual(original, mutant.Apply(original));
    }
}
