using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Platform.LocalStack;

namespace Deploy.Tests;

/// <summary>What is run for users: nothing is published that has not passed every test, by actions that stay what they are.</summary>
public sealed partial class WorkflowTests
{
    private const string Tests = "./.github/workflows/build.yml";

    private static string Build => Read("build.yml");

    private static string Publish => Read("publish.yml");

    [Fact]
    public void Only_what_was_tested_is_published() => Assert.Empty(FindFaults(Build, Publish));

    [Theory]
    [InlineData("    needs: build\n", "")]
    [InlineData("    uses: ./.github/workflows/build.yml\n", "    uses: ./.github/workflows/other.yml\n")]
    [InlineData("  workflow_call:\n", "")]
    [InlineData("./platform test --${{ matrix.servers }}", "./platform test --${{ matrix.servers }} --project Contracts.Tests")]
    [InlineData("servers: [docker, native]", "servers: [docker]")]
    [InlineData("servers: [docker, native]", "servers: [docker, native]\n        exclude: [{servers: native}]")]
    [InlineData(" python3-aiosmtpd", "")]
    [InlineData("    timeout-minutes: 60\n", "    timeout-minutes: 60\n    continue-on-error: true\n")]
    [InlineData("      - run: ./platform test", "      - if: matrix.servers == 'docker'\n        run: ./platform test")]
    [InlineData("actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1", "actions/checkout@v7")]
    public void A_mistake_is_found(string text, string mistake)
    {
        Assert.Contains(text, Build + Publish, StringComparison.Ordinal);

        var faults = FindFaults(Build.Replace(text, mistake, StringComparison.Ordinal), Publish.Replace(text, mistake, StringComparison.Ordinal));

        Assert.NotEmpty(faults);
    }

    private static IEnumerable<string> FindFaults(string build, string publish)
    {
        var jobs = YamlText.Parse(publish)["jobs"]!.AsObject();
        var tests = jobs.Where(job => $"{job.Value.At("uses")}" == Tests).Select(job => job.Key).ToArray();
        var tested = YamlText.Parse(build).At("jobs.build");
        var steps = tested.List("steps").Select(step => $"{step["run"]}").ToArray();
        var prepared = string.Join('\n', steps.TakeWhile(step => !step.StartsWith("./platform test", StringComparison.Ordinal)));
        return
        [
            .. jobs.Where(job => !tests.Contains(job.Key) && !tests.Intersect(NeededBy(job.Value)).Any()).Select(job => $"'{job.Key}' publishes what was not tested"),
            .. YamlText.Parse(build)["on"]!.AsObject().ContainsKey("workflow_call") ? Array.Empty<string>() : ["what is built cannot be called"],
            .. steps.Contains("./platform test --${{ matrix.servers }}") && $"{tested.At("strategy.matrix")?.ToJsonString()}" == """{"servers":["docker","native"]}"""
                ? Array.Empty<string>()
                : ["some tests are not run"],
            .. tested.List("steps").Append(tested!.AsObject()).Where(one => one.ContainsKey("if") || one.ContainsKey("continue-on-error"))
                .Select(one => $"'{one["run"] ?? one["uses"] ?? "build"}' may fail, or not be run, and nobody notices"),
            .. ServerPackages.All.Where(package => !prepared.Contains($" {package}", StringComparison.Ordinal))
                .Select(package => $"the tests need {package}, which nobody but root can install"),
            .. Used().Matches(build + publish).Select(used => used.Groups["what"].Value).Where(used => used != Tests && !Hash().IsMatch(used))
                .Select(used => $"{used} is whatever it is on the day"),
        ];
    }

    private static IEnumerable<string> NeededBy(JsonNode? job) =>
        job?["needs"] is JsonArray several ? several.Select(one => $"{one}") : [$"{job?["needs"]}"];

    private static string Read(string workflow) => File.ReadAllText(Path.Combine(Machine.Root, ".github", "workflows", workflow));

    [GeneratedRegex(@"\buses: (?<what>\S+)")]
    private static partial Regex Used();

    [GeneratedRegex("@[0-9a-f]{40}$")]
    private static partial Regex Hash();
}
