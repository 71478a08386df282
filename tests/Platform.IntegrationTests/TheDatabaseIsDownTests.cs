using MassTransit;
using Platform.DevStack;
using static Platform.IntegrationTests.Messages;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

public sealed class TheDatabaseIsDownTests(ServersFixture servers)
{
    [Fact]
    public async Task A_kill_switch_parks_what_fails_before_it_trips()
    {
        const int failures = 20;
        await using var platform = await TestPlatform.CreateAsync(servers);
        var queue = $"kill-switch-{Guid.NewGuid():N}";
        var bus = Bus.Factory.CreateUsingRabbitMq(rabbit =>
        {
            rabbit.Host(new Uri(platform.RabbitMq));
            rabbit.ReceiveEndpoint(queue, endpoint =>
            {
                endpoint.UseKillSwitch(_ => { });
                endpoint.Handler<Unheard>(_ => throw new TimeoutException("The database is down."));
            });
        });
        await bus.StartAsync(Cancel);

        await Task.WhenAll(Enumerable.Range(0, failures).Select(i => bus.Publish(new Unheard(i), Cancel)));

        await Waiting.UntilAsync("all are parked", async () =>
            await platform.Broker.ExistsAsync($"{queue}_error", Cancel) && await platform.Broker.CountAsync($"{queue}_error", Cancel) == failures, Cancel);
        await bus.StopAsync(Cancel);
        await platform.Broker.DeleteAsync(queue, Cancel);
        await platform.Broker.DeleteAsync($"{queue}_error", Cancel);
    }

    [Fact]
    public async Task Consumption_pauses_resumes_by_itself_and_nothing_is_parked()
    {
        await using var platform = await TestPlatform.CreateAsync(servers);
        await platform.StartWorkerAsync();
        await platform.StartIngressAsync();
        await platform.ExecuteAsync("alter table webhook_events rename to elsewhere");
        var events = NewEvents(500);

        Assert.Equal(new Dictionary<int, int> { [200] = 500 }, await platform.SendAsync(events));
        await Waiting.UntilAsync("no consumer", async () => await platform.Broker.CountConsumersAsync("webhook-received", Cancel) == 0, Cancel);
        await Waiting.UntilAsync("all has gone back", async () => await platform.Broker.CountAsync("webhook-received", Cancel) >= 500, Cancel);
        await platform.ExecuteAsync("alter table elsewhere rename to webhook_events");

        await platform.CountAsync(500, "select count(*) from jobs where status = 'completed'");
        await platform.AssertDrainedAsync();
        Assert.Equal(1u, await platform.Broker.CountConsumersAsync("webhook-received", Cancel));
    }
}
