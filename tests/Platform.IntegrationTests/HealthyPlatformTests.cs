using System.Diagnostics;
using System.Text.Json;
using Platform.DevStack;
using Platform.Simulator.Storms;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>The metrics and alerts of a healthy platform.</summary>
[Collection(Undisturbed.Name)]
public sealed class HealthyPlatformTests(MonitoredPlatform monitored) : IClassFixture<MonitoredPlatform>
{
    private const int Events = 900;

    public static TheoryData<string> Dashboards => [.. Directory.GetFiles(Path.Combine(PrometheusServer.SourceFolder, "grafana", "dashboards"))
        .Select(file => Path.GetFileName(file))];

    [Fact]
    public async Task No_alert_fires_in_a_storm()
    {
        await monitored.StartAsync();
        var began = Stopwatch.GetTimestamp();
        var received = await monitored.Prometheus.QueryNumberAsync("sum(webhooks_received_total)", Cancel);

        await StormAsync();

        await Waiting.UntilAsync(
            "Prometheus has seen the storm",
            async () => await monitored.Prometheus.QueryNumberAsync("sum(webhooks_received_total)", Cancel) >= received + Events,
            Cancel);
        var seconds = (int)Stopwatch.GetElapsedTime(began).TotalSeconds;
        Assert.Empty(await monitored.Prometheus.QueryAsync($"count_over_time(ALERTS{{alertstate=\"firing\"}}[{seconds}s])", Cancel));
        Assert.Empty(await monitored.Prometheus.ListRuleErrorsAsync(Cancel));
    }

    [Theory]
    [MemberData(nameof(Dashboards))]
    public async Task Every_query_of_every_panel_returns_data(string dashboard)
    {
        await monitored.StartAsync();
        await StormAsync();
        var queries = ReadQueries(dashboard);

        foreach (var (panel, query) in queries)
        {
            await Waiting.UntilAsync(
                $"'{panel}' shows something: {query}", async () => (await monitored.Prometheus.QueryAsync(query, Cancel)).Count > 0, Cancel);
        }

        Assert.NotEmpty(queries);
    }

    /// <summary>The sender's ordinary traffic, without bodies that need a person.</summary>
    private async Task StormAsync()
    {
        var plan = StormPlan.Create(
            new StormSettings { Seed = 5, Events = Events, Rate = 60, Unusable = 0 }, TimeProvider.System.GetUtcNow());
        var target = new StormTarget($"http://{monitored.Platform.MetricsTargets.Ingresses[0]}", Secret);
        using var storm = new Storm(plan, [target], TimeProvider.System);
        await storm.RunAsync(Cancel);
    }

    private static List<(string Panel, string Query)> ReadQueries(string dashboard)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(PrometheusServer.SourceFolder, "grafana", "dashboards", dashboard)));
        return
        [
            .. json.RootElement.GetProperty("panels").EnumerateArray()
                .Where(panel => panel.GetProperty("type").GetString() != "row")
                .SelectMany(panel => panel.GetProperty("targets").EnumerateArray().Select(target => (
                    panel.GetProperty("title").GetString()!,
                    // Grafana replaces this with an interval that covers several scrapes.
                    target.GetProperty("expr").GetString()!.Replace("$__rate_interval", "1m", StringComparison.Ordinal)))),
        ];
    }
}
