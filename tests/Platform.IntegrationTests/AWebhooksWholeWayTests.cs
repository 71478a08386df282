using System.Net;
using System.Text;
using Platform.Contracts;
using Platform.DevStack;
using Platform.Simulator.MagicHour;
using static Platform.IntegrationTests.Messages;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>Both services as processes, on a real broker and a real database.</summary>
public sealed class AWebhooksWholeWayTests(ServersFixture servers)
{
    [Fact]
    public async Task Every_sample_is_answered_and_stored_as_decided()
    {
        await using var platform = await StartAsync(ingresses: 1, workers: 1);
        var samples = Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Samples")).Order(StringComparer.Ordinal).ToArray();
        var events = new HashSet<string>();
        var quarantined = new HashSet<string>();

        Assert.Equal(33, samples.Length);
        foreach (var sample in samples)
        {
            var name = Path.GetFileName(sample);
            var body = await File.ReadAllBytesAsync(sample, Cancel);
            using var response = await platform.Ingresses[0].SendAsync(body, Cancel);

            Assert.Equal(
                name is "malformed.truncated.json" or "malformed.missing-type.json" ? HttpStatusCode.BadRequest : HttpStatusCode.OK,
                response.StatusCode);
            if (name.StartsWith("malformed.", StringComparison.Ordinal) || name == "test.event.json")
            {
                quarantined.Add(Encoding.UTF8.GetString(body));
            }
            else
            {
                var webhook = MagicHourEvent.Parse(body);
                events.Add($"{webhook.Type} {webhook.JobId}");
            }
        }

        await platform.CountAsync(events.Count, "select count(*) from webhook_events");
        await platform.CountAsync(quarantined.Count, "select count(*) from quarantined_events");
        await platform.AssertDrainedAsync();
        // Stored by an older version under the same ids.
        Assert.Equal(
            ["24a2c489-7b9c-19c4-e145-d6adae0b4b67", "5c65148f-beda-e33b-342c-d6e477e0e346"],
            (await ReadAsync(platform, "select distinct consumer_id::text from inbox_state")).Order());
        Assert.Equal(events.Order(), (await ReadAsync(platform, "select event_type || ' ' || job_id from webhook_events")).Order());
        Assert.Equal(quarantined.Order(), (await ReadAsync(platform, "select convert_from(body, 'UTF8') from quarantined_events")).Order());
        Assert.Equal(
            ["completed https://videos.magichour.ai/cmjag94dw01mr5s0zqf8ug0or/output.png?auth-token=example no_source_face"],
            await ReadAsync(platform, "select status || ' ' || download_url || ' ' || error_code from jobs where magic_hour_id = 'cmjag94dw01mr5s0zqf8ug0or'"));
    }

    [Fact]
    public async Task Events_wait_for_a_worker_that_was_never_started()
    {
        await using var platform = await StartAsync(ingresses: 1, workers: 0);

        Assert.Equal(new Dictionary<int, int> { [200] = 1000 }, await platform.SendAsync(NewEvents(1000)));
        await platform.StartWorkerAsync();

        await platform.CountAsync(1000, "select count(*) from jobs where status = 'completed' and download_url is not null");
        await platform.AssertDrainedAsync();
        Assert.Equal(1000, await platform.QueryAsync<long>("select count(*) from inbox_state"));
    }

    [Fact]
    public async Task Before_migrate_nothing_is_accepted_and_afterwards_everything_is()
    {
        await using var platform = await TestPlatform.CreateAsync(servers, isMigrated: false);
        await platform.StartIngressAsync(waitUntilReady: false);
        await platform.StartWorkerAsync(waitUntilReady: false);

        Assert.Equal(new Dictionary<int, int> { [503] = 50 }, await platform.SendAsync(NewEvents(50)));
        Assert.False(await platform.Broker.ExistsAsync("webhook-received", Cancel));
        await platform.MigrateAsync();

        var webhook = MagicHourEvent.Create("video.completed", null, TimeProvider.System.GetUtcNow());
        await Waiting.UntilAsync("the ingress has seen the queue", async () =>
        {
            using var response = await platform.Ingresses[0].SendAsync(webhook.Body, Cancel);
            return response.StatusCode is HttpStatusCode.OK;
        }, Cancel);
        await platform.CountAsync(1, "select count(*) from jobs");
    }

    [Fact]
    public async Task Copies_through_two_ingresses_and_two_workers_take_effect_once()
    {
        await using var platform = await StartAsync(ingresses: 2, workers: 2);
        var domainEvents = await platform.Broker.SubscribeAsync(Cancel);
        var events = NewEvents(20);
        var copies = Enumerable.Repeat(events, 50).SelectMany(copy => copy).ToArray();
        new Random(1).Shuffle(copies);

        Assert.Equal(new Dictionary<int, int> { [200] = 1000 }, await platform.SendAsync(copies));

        await platform.CountAsync(20, "select count(*) from jobs where status = 'completed'");
        await platform.AssertDrainedAsync();
        Assert.Equal((20, 20), (await platform.QueryAsync<long>("select count(*) from webhook_events"), await platform.QueryAsync<long>("select count(*) from webhook_bodies")));
        await Waiting.UntilAsync("20 domain events", () => Task.FromResult(domainEvents.Count >= 20), Cancel);
        Assert.Equal(
            events.Select(body => MagicHourEvent.Parse(body)).Select(webhook => ("JobCompleted", EventIdentity.Create(webhook.Type, webhook.JobId), webhook.JobId)).Order(),
            domainEvents.Select(one => (one.Name, one.MessageId, one.JobId)).Order());
    }

    [Theory]
    [InlineData("completed", "video.completed", "video.started")]
    [InlineData("completed", "video.errored", "video.completed")]
    [InlineData("completed", "video.completed", "video.errored")]
    [InlineData("failed", "video.errored", "video.started")]
    [InlineData("rendering", "video.started")]
    public async Task A_job_only_moves_forward(string expected, params string[] types)
    {
        await using var platform = await StartAsync(ingresses: 1, workers: 2);

        for (var i = 0; i < types.Length; i++)
        {
            var webhook = MagicHourEvent.Create(types[i], "cmtheonlyjob", TimeProvider.System.GetUtcNow());
            Assert.Equal(new Dictionary<int, int> { [200] = 1 }, await platform.SendAsync([webhook.Body]));
            await platform.CountAsync(i + 1, "select count(*) from webhook_events");
        }

        Assert.Equal([expected], await ReadAsync(platform, "select status from jobs"));
        Assert.Equal(types.Contains("video.started"), await platform.QueryAsync<bool>("select started_at is not null from jobs"));
        Assert.Equal(types.Contains("video.completed"), await platform.QueryAsync<bool>("select completed_at is not null and download_url is not null from jobs"));
        Assert.Equal(types.Contains("video.errored"), await platform.QueryAsync<bool>("select failed_at is not null and error_code is not null from jobs"));
    }

    [Fact]
    public async Task One_poison_message_is_parked_with_its_reason_and_its_neighbours_go_through()
    {
        await using var platform = await StartAsync(ingresses: 1, workers: 0);
        await RefuseAsync(platform, "poison");
        var poison = NewEvent("poison");
        byte[][] bodies = [.. NewEvents(250), poison, .. NewEvents(250)];
        Assert.Equal(new Dictionary<int, int> { [200] = 501 }, await platform.SendAsync(bodies));

        await platform.StartWorkerAsync();

        await platform.CountAsync(500, "select count(*) from jobs");
        await Waiting.UntilAsync("one parked message", async () => await platform.Broker.CountAsync("webhook-received_error", Cancel) == 1, Cancel);
        await platform.AssertDrainedAsync(parked: 1);
        var parked = await platform.Broker.TakeAsync("webhook-received_error", Cancel);
        Assert.Equal(EventIdentity.Create("video.completed", "poison").ToString(), parked.BasicProperties.MessageId);
        var reason = Encoding.UTF8.GetString((byte[])parked.BasicProperties.Headers!["MT-Fault-Message"]!);
        Assert.Contains("this event is poison", reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_message_whose_parking_queue_is_unbound_is_not_lost()
    {
        await using var platform = await StartAsync(ingresses: 1, workers: 0);
        await RefuseAsync(platform, "poison");
        await platform.StartWorkerAsync();
        Assert.Equal(new Dictionary<int, int> { [200] = 1 }, await platform.SendAsync([NewEvent("poison")]));
        // The worker has parked a message, and declares nothing again.
        await Waiting.UntilAsync("one parked message", async () => await platform.Broker.CountAsync(Topology.ErrorQueue, Cancel) == 1, Cancel);
        await platform.Broker.TakeAsync(Topology.ErrorQueue, Cancel);
        await platform.Broker.UnbindAsync(Topology.ErrorQueue, Cancel);

        Assert.Equal(new Dictionary<int, int> { [200] = 11 }, await platform.SendAsync([MagicHourEvent.Create("video.errored", "poison", TimeProvider.System.GetUtcNow()).Body, .. NewEvents(10)]));
        await platform.CountAsync(10, "select count(*) from jobs");
        await platform.Broker.BindAsync(Topology.ErrorQueue, Cancel);

        await Waiting.UntilAsync("the message is parked", async () => await platform.Broker.CountAsync(Topology.ErrorQueue, Cancel) == 1, Cancel);
        await platform.AssertDrainedAsync(parked: 1);
    }

    [Fact]
    public async Task An_event_is_found_in_its_trace_and_a_stranger_does_not_choose_which()
    {
        await using var platform = await StartAsync(ingresses: 1, workers: 1);
        var webhook = MagicHourEvent.Create("video.completed", null, TimeProvider.System.GetUtcNow());
        var timestamp = Signing.Timestamp(TimeProvider.System.GetUtcNow());
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, platform.Ingresses[0].Webhook);
        request.Content = new ByteArrayContent(webhook.Body) { Headers = { { "content-type", "application/json" } } };
        request.Headers.Add(Signing.TimestampHeader, timestamp);
        request.Headers.Add(Signing.SignatureHeader, Signing.Sign(Secret, timestamp, webhook.Body));
        request.Headers.Add("traceparent", "00-11111111111111111111111111111111-2222222222222222-01");

        using var response = await http.SendAsync(request, Cancel);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        await platform.CountAsync(1, "select count(*) from webhook_events where trace_id ~ '^[0-9a-f]{32}$'");
        Assert.Equal(0, await platform.QueryAsync<long>("select count(*) from webhook_events where trace_id = repeat('1', 32)"));
    }

    /// <summary>The database refuses every event of a job.</summary>
    private static Task RefuseAsync(TestPlatform platform, string jobId) => platform.ExecuteAsync(
        $"""
        create function refuse() returns trigger language plpgsql as $$ begin raise exception 'this event is poison'; end $$;
        create trigger refuse before insert on webhook_events for each row when (new.job_id = '{jobId}') execute function refuse();
        """);

    private async Task<TestPlatform> StartAsync(int ingresses, int workers)
    {
        var platform = await TestPlatform.CreateAsync(servers);
        for (var i = 0; i < workers; i++)
        {
            await platform.StartWorkerAsync();
        }

        for (var i = 0; i < ingresses; i++)
        {
            await platform.StartIngressAsync();
        }

        return platform;
    }

    private static async Task<string[]> ReadAsync(TestPlatform platform, string sql)
    {
        await using var command = platform.Database.CreateCommand(sql);
        await using var rows = await command.ExecuteReaderAsync(Cancel);
        var values = new List<string>();
        while (await rows.ReadAsync(Cancel))
        {
            values.Add(rows.GetString(0));
        }

        return [.. values];
    }
}
