using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Platform.DevStack;

namespace Deploy.Tests;

/// <summary>The release workflows: nothing is published that has not passed every test, and actions are pinned.</summary>
public sealed partial class WorkflowTests
{
    private const string Tests = "./.github/workflows/build.yml";

    /// <summary>The classes with tests that only root can run.</summary>
    private static readonly (string Project, string Class)[] NeedRoot =
    [
        .. from project in Directory.GetDirectories(Path.Combine(Machine.Root, "tests"))
           from file in Directory.GetFiles(project, "*Tests.cs")
           where OnlyRoot().IsMatch(File.ReadAllText(file))
           select (Path.GetFileName(project), Path.GetFileNameWithoutExtension(file)),
    ];

    private static string Build => Read("build.yml");

    private static string Publish => Read("publish.yml");

    private static string Rebuild => Read("rebuild.yml");

    private static string CodeQl => Read("codeql.yml");

    [Fact]
    public void Only_what_was_tested_is_published() => Assert.Empty(FindFaults(Build, Publish, Rebuild, CodeQl));

    [Fact]
    public void Every_workflow_is_checked() => Assert.Equal(
        ["build.yml", "codeql.yml", "publish.yml", "rebuild.yml"],
        Directory.GetFiles(Path.Combine(Machine.Root, ".github", "workflows")).Select(Path.GetFileName).Order(StringComparer.Ordinal));

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
    [InlineData("sudo -E env \"PATH=$PATH\" ./platform test", "./platform test")]
    [InlineData(" --filter-class '*.ContactedAddressesTests'", " --filter-class '*.ScrapingTests'")]
    [InlineData(" --filter-class '*.ProgramTests' --fail-skips on", " --filter-class '*.ProgramTests'")]
    [InlineData("          path: a checkout\n", "")]
    [InlineData("actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1", "actions/checkout@v7")]
    [InlineData("    environment: release\n", "")]
    [InlineData("            ${{ steps.base.outputs.images }}\n", "")]
    [InlineData("            VERSION=${{ steps.name.outputs.tag }}\n", "")]
    [InlineData("            VERSION=${{ steps.name.outputs.tag }}\n", "            VERSION=${{ github.ref_name }}\n")]
    [InlineData("            REVISION=${{ github.sha }}\n", "")]
    [InlineData("            CREATED=${{ steps.name.outputs.created }}\n", "")]
    [InlineData("            SOURCE=${{ github.server_url }}/${{ github.repository }}\n", "")]
    [InlineData("created=$(date", "made=$(date")]
    [InlineData("--build-arg \"REVISION=$GITHUB_SHA\"", "")]
    [InlineData("  schedule:\n    - cron: \"43 4 * * 3\"\n", "")]
    [InlineData("  pull_request:\n  schedule:", "  schedule:")]
    [InlineData("languages: csharp", "languages: actions")]
    [InlineData("github/codeql-action/analyze@8aad20d150bbac5944a9f9d289da16a4b0d87c1e", "github/codeql-action/analyze@v4")]
    [InlineData("      security-events: write\n", "      security-events: write\n      packages: write\n")]
    [InlineData("permissions:\n  contents: read\n", "permissions:\n  contents: write\n")]
    [InlineData("permissions:\n  contents: read\n", "")]
    [InlineData("  schedule:\n    - cron: \"17 4 * * 1\"\n", "")]
    [InlineData("--build-arg \"$argument\"", "--build-arg NONE=1")]
    [InlineData("aquasecurity/trivy-action@ed142fd0673e97e23eac54620cfb913e5ce36c25", "aquasecurity/trivy-action@master")]
    [InlineData("exit-code: \"1\"", "exit-code: \"0\"")]
    public void A_mistake_is_found(string text, string mistake)
    {
        Assert.Contains(text, Build + Publish + Rebuild + CodeQl, StringComparison.Ordinal);

        var faults = FindFaults(
            Build.Replace(text, mistake, StringComparison.Ordinal), Publish.Replace(text, mistake, StringComparison.Ordinal),
            Rebuild.Replace(text, mistake, StringComparison.Ordinal), CodeQl.Replace(text, mistake, StringComparison.Ordinal));

        Assert.NotEmpty(faults);
    }

    [Fact]
    public void A_release_is_built_on_digests_and_the_Dockerfile_on_what_it_is_given()
    {
        var given = File.ReadAllLines(Path.Combine(Machine.Root, "deploy", "base-images")).Where(line => line is not (['#', ..] or "")).ToArray();

        Assert.Equal(["SDK", "ASPNET"], given.Select(line => line.Split('=')[0]));
        Assert.All(given, line => Assert.Matches("^[A-Z]+=[a-z./]+:[0-9.]+@sha256:[0-9a-f]{64}$", line));
        var lines = File.ReadAllLines(Path.Combine(Machine.Root, "Dockerfile"));
        Assert.Equal(["FROM ${SDK} AS build", "FROM ${ASPNET} AS service"], lines.Where(line => line.StartsWith("FROM $", StringComparison.Ordinal)));
        Assert.Equal(given.Select(line => $"ARG {line.Split('@')[0]}"), lines.Where(line => line.StartsWith("ARG ", StringComparison.Ordinal)).Take(given.Length));
    }

    private static IEnumerable<string> FindFaults(string build, string publish, string rebuild, string codeQl)
    {
        var jobs = YamlText.Parse(publish)["jobs"]!.AsObject();
        var tests = jobs.Where(job => $"{job.Value.At("uses")}" == Tests).Select(job => job.Key).ToArray();
        var tested = YamlText.Parse(build).At("jobs.build");
        var steps = tested.List("steps").Select(step => $"{step["run"]}").ToArray();
        var prepared = string.Join('\n', steps.TakeWhile(step => !step.StartsWith("./platform test", StringComparison.Ordinal)));
        var asRoot = steps.SelectMany(step => step.Split('\n'))
            .Where(line => line.StartsWith("sudo -E env \"PATH=$PATH\" ./platform test --${{ matrix.servers }} ", StringComparison.Ordinal)
                && line.EndsWith(" --fail-skips on", StringComparison.Ordinal)).ToArray();
        return
        [
            .. jobs.Where(job => !tests.Contains(job.Key) && !tests.Intersect(NeededBy(job.Value)).Any()).Select(job => $"'{job.Key}' publishes what was not tested"),
            .. YamlText.Parse(build)["on"]!.AsObject().ContainsKey("workflow_call") ? Array.Empty<string>() : ["what is built cannot be called"],
            .. steps.Contains("./platform test --${{ matrix.servers }}") && $"{tested.At("strategy.matrix")?.ToJsonString()}" == """{"servers":["docker","native"]}"""
                ? Array.Empty<string>()
                : ["some tests are not run"],
            .. tested.List("steps").Append(tested!.AsObject()).Where(one => one.ContainsKey("if") || one.ContainsKey("continue-on-error"))
                .Select(one => $"'{one["run"] ?? one["uses"] ?? "build"}' may fail, or not be run, without notice"),
            .. ServerPackages.All.Where(package => !prepared.Contains($" {package}", StringComparison.Ordinal))
                .Select(package => $"the tests need {package}, which only root can install"),
            .. NeedRoot.Where(file => !asRoot.Any(line => line.Contains($" --project {file.Project} --filter-class '*.{file.Class}' ", StringComparison.Ordinal)))
                .Select(file => $"{file.Class} is skipped unless it runs as root"),
            .. tested.List("steps").Any(step => $"{step.At("with.path")}".Contains(' ', StringComparison.Ordinal))
                ? Array.Empty<string>()
                : ["no test runs in a path with a space"],
            .. jobs["publish"].At("environment") is null ? ["a release needs no approval"] : Array.Empty<string>(),
            .. FindImageFaults(jobs["publish"]),
            .. FindScanFaults(rebuild),
            .. FindAnalysisFaults(codeQl),
            .. new[] { build, publish, rebuild, codeQl }.Select(workflow => YamlText.Parse(workflow))
                .Where(workflow => workflow["permissions"]?.ToJsonString() != """{"contents":"read"}""")
                .Select(workflow => $"'{workflow["name"]}' may do more than read unless a job says so"),
            .. Used().Matches(build + publish + rebuild + codeQl).Select(used => used.Groups["what"].Value).Where(used => used != Tests && !Hash().IsMatch(used))
                .Select(used => $"{used} is whatever it is on the day"),
        ];
    }

    // The tag of an image has no v and equals the version of its program.
    private static IEnumerable<string> FindImageFaults(JsonNode? publish)
    {
        var given = publish.List("steps").Select(step => $"{step.At("with.build-args")}").Single(arguments => arguments.Length > 0)
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var commands = string.Join('\n', publish.List("steps").Select(step => $"{step["run"]}"));
        return Checks.Rules.FindBroken(
        [
            (given.Contains("${{ steps.base.outputs.images }}"), "a release is built on whatever a tag names on the day"),
            (given.Contains("VERSION=${{ steps.name.outputs.tag }}"), "a release does not know its version"),
            (given.Contains("REVISION=${{ github.sha }}"), "a release does not know its commit"),
            (given.Contains("SOURCE=${{ github.server_url }}/${{ github.repository }}"), "an image does not say where its source is"),
            (given.Contains("CREATED=${{ steps.name.outputs.created }}") && commands.Contains("\"created=$(date ", StringComparison.Ordinal), "an image does not say when it was built"),
        ]);
    }

    private static IEnumerable<string> FindAnalysisFaults(string codeQl)
    {
        var analysis = YamlText.Parse(codeQl);
        var job = analysis.At("jobs.analyze");
        var used = job.List("steps").Select(step => $"{step["uses"]}").Where(used => used.StartsWith("github/codeql-action/", StringComparison.Ordinal)).ToArray();
        return Checks.Rules.FindBroken(
        [
            (analysis.At("on.schedule") is JsonArray { Count: > 0 }, "new queries only see what is changed"),
            (analysis["on"]!.AsObject().ContainsKey("pull_request"), "a change is analysed after it was merged"),
            (job.List("steps").Any(step => $"{step.At("with.languages")}" == "csharp"), "C# is not analysed"),
            (used.Select(action => action.Split('/', '@')[2]).SequenceEqual(["init", "analyze"]), "nothing is analysed"),
            (used.Select(action => action.Split('@')[1]).Distinct().Count() == 1, "one part of the analysis is of another release"),
            (job.At("permissions")?.AsObject().Where(right => $"{right.Value}" == "write").Select(right => right.Key).SequenceEqual(["security-events"]) == true,
                "the analysis may write more than its findings"),
        ]);
    }

    private static IEnumerable<string> FindScanFaults(string rebuild)
    {
        var scan = YamlText.Parse(rebuild);
        var steps = scan.At("jobs.scan").List("steps").ToArray();
        return Checks.Rules.FindBroken(
        [
            (scan.At("on.schedule") is JsonArray { Count: > 0 }, "nothing is rebuilt unless someone asks"),
            (steps.Any(step => $"{step["run"]}".Contains("docker build --pull --no-cache", StringComparison.Ordinal)), "what is scanned may be of an earlier build"),
            (steps.Any(step => $"{step["run"]}".Contains("--build-arg \"$argument\"", StringComparison.Ordinal)), "what a release is built on is not scanned"),
            (steps.Any(step => $"{step["run"]}".Contains("--build-arg \"REVISION=$GITHUB_SHA\"", StringComparison.Ordinal)), "what is scanned does not say what it was built from"),
            (steps.Any(step => $"{step["uses"]}".Contains("trivy", StringComparison.Ordinal) && $"{step.At("with.exit-code")}" == "1"), "a scan does not fail on what it finds"),
        ]);
    }

    private static IEnumerable<string> NeededBy(JsonNode? job) =>
        job?["needs"] is JsonArray several ? several.Select(one => $"{one}") : [$"{job?["needs"]}"];

    private static string Read(string workflow) => File.ReadAllText(Path.Combine(Machine.Root, ".github", "workflows", workflow));

    [GeneratedRegex(@"Machine\.IsRoot|NetworkNamespace\.CreateOrSkip")]
    private static partial Regex OnlyRoot();

    [GeneratedRegex(@"\buses: (?<what>\S+)")]
    private static partial Regex Used();

    [GeneratedRegex("@[0-9a-f]{40}$")]
    private static partial Regex Hash();
}
