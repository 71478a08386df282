using Platform.DevStack;
using static Platform.IntegrationTests.Messages;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>The broker has dropped a worker's consumer without notifying the worker.</summary>
public sealed class ALostConsumerTests(ServersFixture servers)
{
    // The state after basic.cancel, but without the notification.
    private const string DropConsumers =
        """
        {ok, Queue} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"webhook-received">>)),
        [ra:process_command(
            {'%2F_webhook-received', node()}, rabbit_fifo:make_checkout({element(2, Consumer), element(1, Consumer)}, cancel, #{}))
            || Consumer <- rabbit_amqqueue:consumers(Queue)].
        """;

    [Fact]
    public async Task It_is_no_longer_live_while_events_wait_and_a_restart_brings_them_home()
    {
        await using var platform = await CreateOnOwnBrokerAsync(servers);
        var worker = await platform.StartWorkerAsync(settings: new Dictionary<string, string?> { ["Events__LostAfter"] = "00:00:30" });
        await platform.StartIngressAsync();
        await platform.OwnBroker.ControlAsync(Cancel, "eval", DropConsumers);
        var before = await AskLiveAsync(platform.Workers[0]);

        await platform.SendAsync([NewEvent()]);
        await Waiting.UntilAsync("it is not live", async () => await AskLiveAsync(platform.Workers[0]) == 503, Cancel);
        Assert.Equal(0, await platform.QueryAsync<long>("select count(*) from webhook_events"));
        await worker.StopAsync(Cancel);
        await worker.StartAsync(Cancel);

        await platform.CountAsync(1, "select count(*) from webhook_events");
        Assert.Equal((200, 200), (before, await AskLiveAsync(platform.Workers[0])));
    }

    private static async Task<int> AskLiveAsync(Uri worker)
    {
        using var http = new HttpClient();
        using var answer = await http.GetAsync(new Uri(worker, "/health/live"), Cancel);
        return (int)answer.StatusCode;
    }
}
