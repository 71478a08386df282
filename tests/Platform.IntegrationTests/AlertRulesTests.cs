using System.Text.RegularExpressions;
using Platform.DevStack;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>The alert rules as files.</summary>
public sealed partial class AlertRulesTests
{
    private static string[] RuleFiles => Directory.GetFiles(Path.Combine(PrometheusServer.SourceFolder, "rules"));

    private static string[] TestFiles => Directory.GetFiles(Path.Combine(PrometheusServer.SourceFolder, "rules.tests"));

    [Fact]
    public async Task They_pass_their_own_tests()
    {
        await RequirePromtoolAsync();

        var configuration = await PromtoolAsync("check", "config", Path.Combine(PrometheusServer.SourceFolder, "prometheus.yml"));
        var rules = await PromtoolAsync(["check", "rules", "--lint=all", "--lint-fatal", .. RuleFiles]);
        var tests = await PromtoolAsync(["test", "rules", .. TestFiles]);

        Assert.Equal((0, ""), (configuration.ExitCode, configuration.Error));
        Assert.Equal((0, ""), (rules.ExitCode, rules.Error));
        Assert.Equal((0, ""), (tests.ExitCode, tests.Error));
    }

    [Fact]
    public void Each_has_a_test_in_which_it_is_first_silent_and_then_fires()
    {
        var tests = TestFiles.SelectMany(file => File.ReadAllText(file).Split("  - name: ")[1..]).ToArray();

        Assert.All(ReadAlerts(), alert => Assert.Contains(tests, test => Silent().IsMatch(
            test[..Math.Max(0, test.IndexOf($"alertname=\"{alert.Name}\"", StringComparison.Ordinal))])));
    }

    [Fact]
    public void Each_has_its_section_in_the_runbook()
    {
        var headings = File.ReadLines(Path.Combine(Machine.Root, "docs", "runbook.md"))
            .Where(line => line.StartsWith("### ", StringComparison.Ordinal)).Select(line => line[4..]).ToArray();

        Assert.All(ReadAlerts(), alert => Assert.Equal($"docs/runbook.md#{alert.Name.ToLowerInvariant()}", alert.RunbookUrl));
        Assert.All(ReadAlerts(), alert => Assert.Contains(alert.Severity, new[] { "page", "warn" }));
        Assert.Equal(ReadAlerts().Select(alert => alert.Name).Order(), headings.Order());
    }

    private static IReadOnlyList<(string Name, string Severity, string RunbookUrl)> ReadAlerts() =>
    [
        .. RuleFiles.SelectMany(file => AlertRule().Matches(File.ReadAllText(file))).Select(rule => (
            rule.Groups["name"].Value, rule.Groups["severity"].Value, rule.Groups["url"].Value)),
    ];

    private static async Task RequirePromtoolAsync()
    {
        var servers = await TestServers.ChooseAsync(Cancel);
        Assert.SkipUnless(
            servers.Kind is TestServerKind.Native || Machine.FindProgram("promtool") is not null,
            "promtool is not installed, and this run uses no native servers.");
        await ServerPackages.EnsureAsync(Cancel, withPrometheus: true);
    }

    private static Task<ProgramResult> PromtoolAsync(params string[] arguments) => Machine.RunAsync("promtool", arguments, Cancel);

    [GeneratedRegex(@"- alert: (?<name>\w+)\n(?:(?!- alert:)[\s\S])*?severity: (?<severity>\w+)(?:(?!- alert:)[\s\S])*?runbook_url: (?<url>\S+)")]
    private static partial Regex AlertRule();

    // A moment at which nothing is expected to fire.
    [GeneratedRegex(@"- \{ eval_time: \w+, expr: 'ALERTS\{alertstate=""firing""\}' \}")]
    private static partial Regex Silent();
}
