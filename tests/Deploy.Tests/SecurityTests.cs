using System.Text.RegularExpressions;
using Platform.DevStack;

namespace Deploy.Tests;

/// <summary>The tests that SECURITY.md names as proof exist.</summary>
public sealed partial class SecurityTests
{
    private static readonly Lazy<IReadOnlyDictionary<string, string>> Sources = new(() => Directory
        .EnumerateFiles(Path.Combine(Machine.Root, "tests"), "*Tests.cs", SearchOption.AllDirectories)
        .GroupBy(file => Path.GetFileNameWithoutExtension(file))
        .ToDictionary(files => files.Key, files => string.Join('\n', files.Select(File.ReadAllText))));

    private static readonly Lazy<string> Faults = new(() => string.Join(
        '\n', Directory.EnumerateFiles(Path.Combine(Machine.Root, "tools", "Faults"), "*.cs").Select(File.ReadAllText)));

    private static string Document => File.ReadAllText(Path.Combine(Machine.Root, "SECURITY.md"));

    [Fact]
    public void Every_test_and_every_fault_that_it_names_exists()
    {
        Assert.True(Named().Count(Document) > 50);
        Assert.Empty(FindMissing(Document));
    }

    [Theory]
    [InlineData("`FloodedTests`")]
    [InlineData("`FloodingTests.A_valid_signature_is_always_accepted`")]
    [InlineData("`S99`")]
    public void One_that_does_not_exist_is_found(string name) => Assert.Equal([name.Trim('`')], FindMissing(name));

    [Fact]
    public void No_row_of_a_table_is_without_a_proof() => Assert.All(
        Document.Split('\n').Where(line => line.StartsWith("| ", StringComparison.Ordinal) && !line.StartsWith("| Tries", StringComparison.Ordinal)
            && !line.StartsWith("| Pod", StringComparison.Ordinal) && !line.StartsWith("| ---", StringComparison.Ordinal)),
        line => Assert.Matches(Named(), line.TrimEnd('|', ' ').Split('|')[^1]));

    private static IEnumerable<string> FindMissing(string document) => Named().Matches(document)
        .Where(named => named.Groups["fault"] is { Success: true, Value: var fault }
            ? !Faults.Value.Contains($"\"{fault}\"", StringComparison.Ordinal)
            : !Exists(named.Groups["class"].Value, named.Groups["method"].Value))
        .Select(named => named.Value.Trim('`'));

    private static bool Exists(string name, string method) =>
        Sources.Value.TryGetValue(name, out var source) && (method == "" || source.Contains($" {method}(", StringComparison.Ordinal));

    [GeneratedRegex(@"`((?<class>[A-Z]\w*Tests)(\.(?<method>\w+))?|(?<fault>[A-Z]\d\d|FUZZ))`")]
    private static partial Regex Named();
}
