using System.Globalization;
using Platform.DevStack;
using static Platform.IntegrationTests.Messages;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>
/// The kernel kills a worker for its memory use: no message is to blame, and the next run would be killed in the same way.
/// </summary>
public sealed class AnUncleanEndTests(ServersFixture servers)
{
    [Fact]
    public async Task A_worker_that_was_killed_starts_with_less_and_returns_to_normal_when_it_has_worked()
    {
        await using var platform = await CreateOnOwnBrokerAsync(servers);
        var folder = Directory.CreateDirectory(Path.Combine(platform.Folder.Path, $"state-{Guid.NewGuid():N}")).FullName;
        var worker = await platform.StartWorkerAsync(settings: new Dictionary<string, string?> { ["Events__StateDirectory"] = folder });
        await platform.StartIngressAsync();
        Assert.Equal((512, 512), await ReadLimitsAsync(platform));

        await worker.KillAsync(Cancel);
        await worker.StartAsync(Cancel);
        Assert.Equal((64, 64), await ReadLimitsAsync(platform));
        Assert.Contains("did not end cleanly", string.Concat(platform.Logs), StringComparison.Ordinal);

        await platform.SendAsync([.. Enumerable.Range(0, 2000).Select(_ => NewEvent())]);
        await Waiting.UntilAsync("the usual limits", async () => await ReadLimitsAsync(platform) == (512, 512), Cancel);
        await platform.SendAsync([NewEvent()]);
        await platform.CountAsync(2001, "select count(*) from webhook_events");
        await platform.AssertDrainedAsync();
    }

    [Fact]
    public async Task A_worker_that_was_stopped_starts_as_usual()
    {
        await using var platform = await CreateOnOwnBrokerAsync(servers);
        var folder = Directory.CreateDirectory(Path.Combine(platform.Folder.Path, $"state-{Guid.NewGuid():N}")).FullName;
        var worker = await platform.StartWorkerAsync(settings: new Dictionary<string, string?> { ["Events__StateDirectory"] = folder });
        Assert.Single(Directory.GetFiles(folder));

        await worker.StopAsync(Cancel);
        Assert.Empty(Directory.GetFiles(folder));
        await worker.StartAsync(Cancel);

        Assert.Equal((512, 512), await ReadLimitsAsync(platform));
    }

    /// <summary>The metric, and the prefetch that the broker reports; 0 while there is no consumer.</summary>
    private static async Task<(int Metric, int Prefetch)> ReadLimitsAsync(TestPlatform platform)
    {
        var metrics = await Scrape.ReadAsync(platform.Workers[0], Cancel);
        var consumers = await platform.OwnBroker.ControlAsync(Cancel, "-q", "--no-table-headers", "list_consumers", "queue_name", "prefetch_count");
        var prefetch = consumers.Split('\n').Select(line => line.Split('\t')).FirstOrDefault(columns => columns[0] == "webhook-received")?[1];
        return ((int)metrics.Sum("inbox_concurrency_limit"), int.Parse(prefetch ?? "0", CultureInfo.InvariantCulture));
    }
}
