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

    [Fact]
    public void No_mutant_changes_what_a_later_migration_replaces()
    {
        foreach (var mutant in MutantList.All.Where(mutant => mutant.File.Contains("/Migrations/", StringComparison.Ordinal)))
        {
            var file = Path.Combine(Machine.Root, mutant.File);
            var later = Directory.GetFiles(Path.GetDirectoryName(file)!, "2*.cs").Where(other => string.CompareOrdinal(other, file) > 0);

            Assert.DoesNotContain(later, other => File.ReadAllText(other).Contains(mutant.Find, StringComparison.Ordinal));
        }
    }
}
