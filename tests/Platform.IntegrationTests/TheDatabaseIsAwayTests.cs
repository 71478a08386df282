using Platform.LocalStack;
using Platform.Simulator.MagicHour;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

public sealed class TheDatabaseIsAwayTests(ServersFixture servers)
{
    [Fact]
    public async Task Consumption_pauses_resumes_by_itself_and_nothing_is_parked()
    {
        await using var platform = await TestPlatform.CreateAsync(servers);
        await platform.StartWorkerAsync();
        await platform.StartIngressAsync();
        await platform.ExecuteAsync("alter table webhook_events rename to away");
        var events = Enumerable.Range(0, 500).Select(_ => MagicHourEvent.Create("video.completed", null, TimeProvider.System.GetUtcNow()).Body).ToArray();

        Assert.Equal(new Dictionary<int, int> { [200] = 500 }, await platform.SendAsync(events));
        await Waiting.UntilAsync("nobody consumes", async () => await platform.Broker.CountConsumersAsync("webhook-received", Cancel) == 0, Cancel);
        await Waiting.UntilAsync("all has gone back", async () => await platform.Broker.CountAsync("webhook-received", Cancel) == 500, Cancel);
        await platform.ExecuteAsync("alter table away rename to webhook_events");

        await platform.CountAsync(500, "select count(*) from jobs where status = 'completed'");
        await platform.AssertDrainedAsync();
        Assert.Equal(1u, await platform.Broker.CountConsumersAsync("webhook-received", Cancel));
    }
}
