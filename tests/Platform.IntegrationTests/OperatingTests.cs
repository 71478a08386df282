using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Platform.Contracts;
using Platform.DevStack;
using static Platform.IntegrationTests.Messages;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>The operations API of a running worker: parked messages by cause, and a replay up to its subscribers.</summary>
public sealed class OperatingTests(ServersFixture servers)
{
    private const string Key = "the key of an operator, for tests";

    [Fact]
    public async Task Parked_messages_are_grouped_by_cause_and_a_group_is_released_or_discarded()
    {
        await using var platform = await StartAsync();
        await platform.ExecuteAsync(
            """
            create function refuse() returns trigger language plpgsql as $$
            begin
                if new.job_id like 'locked%' then raise exception 'job % is locked', new.job_id; end if;
                if new.job_id like 'odd%' then raise exception 'job % is odd', new.job_id; end if;
                return new;
            end $$;
            create trigger refuse before insert on webhook_events for each row execute function refuse()
            """);
        await platform.SendAsync([.. Enumerable.Range(0, 30).Select(i => NewEvent($"locked {i}")), .. Enumerable.Range(0, 20).Select(i => NewEvent($"odd {i}"))]);
        await Waiting.UntilAsync("all are parked", async () => await platform.Broker.CountAsync(Topology.ErrorQueue, Cancel) == 50, Cancel);
        await platform.ExecuteAsync("drop trigger refuse on webhook_events");
        using var http = Client(platform);

        var groups = (await http.GetFromJsonAsync<JsonElement>("/ops/parked?place=error", Cancel)).GetProperty("groups").EnumerateArray().ToArray();
        await Waiting.UntilAsync("the messages are back", async () => await platform.Broker.CountAsync(Topology.ErrorQueue, Cancel) == 50, Cancel);
        var preview = await ActAsync(http, "release", new { place = "error", group = Group(groups[0]), preview = true });
        var released = await ActAsync(http, "release", new { place = "error", group = Group(groups[0]), reason = "unlocked", perSecond = 1000 });
        await Waiting.UntilAsync("the others are back", async () => await platform.Broker.CountAsync(Topology.ErrorQueue, Cancel) == 20, Cancel);
        var discarded = await ActAsync(http, "discard", new { place = "error", group = Group(groups[1]), reason = "odd for ever" });

        Assert.Equal([30, 20], groups.Select(group => group.GetProperty("count").GetInt64()));
        Assert.Contains("is locked", groups[0].GetProperty("cause").GetString(), StringComparison.Ordinal);
        Assert.Equal(3, groups[0].GetProperty("samples").GetArrayLength());
        Assert.Equal((30, 30, 20), (preview, released, discarded));
        await platform.CountAsync(30, "select count(*) from jobs where magic_hour_id like 'locked%' and status = 'completed'");
        await platform.AssertDrainedAsync();
        Assert.Equal(20, await platform.QueryAsync<long>("select count(*) from quarantined_events where discarded_at is not null"));
        Assert.Equal(
            "release done 30 unlocked, discard done 20 odd for ever",
            await platform.QueryAsync<string>("select string_agg(concat_ws(' ', action, outcome, count, reason), ', ' order by id) from audit_log"));
        // What is discarded is not released any more.
        Assert.Contains("holds 0", (await platform.ReleaseAsync("--quarantined")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_quarantined_body_is_listed_and_discarded()
    {
        await using var platform = await StartAsync();
        await platform.SendAsync(["""{"type":"video.completed"}"""u8.ToArray()]);
        await platform.CountAsync(1, "select count(*) from quarantined_events");
        using var http = Client(platform);

        var group = (await http.GetFromJsonAsync<JsonElement>("/ops/parked?place=quarantined", Cancel)).GetProperty("groups")[0];
        var id = group.GetProperty("samples")[0].GetProperty("id").GetString()!;
        var discarded = await ActAsync(http, "discard", new { place = "quarantined", ids = new[] { id }, reason = "a test" });

        Assert.Equal((1, 0, 1), (group.GetProperty("count").GetInt64(), group.GetProperty("usable").GetInt64(), discarded));
        Assert.Equal(0, await platform.QueryAsync<long>("select count(*) from quarantined_events where discarded_at is null"));
    }

    [Fact]
    public async Task A_parked_notification_is_released_and_copies_of_a_refused_registration_are_discarded()
    {
        await using var platform = await StartAsync();
        await platform.SendAsync([NewEvent("j")]);
        await platform.CountAsync(1, "select count(*) from jobs where status = 'completed'");
        await platform.ExecuteAsync(
            """
            insert into notifications (job_id, outcome, channel, status, attempts, decided_at, next_attempt_at, last_error)
            values ('j', 'completed', 'email', 'parked', 9, now(), now(), 'the recipient ada@example.com is unknown')
            """);
        // A worker that loses its connection after parking a message parks it again.
        await platform.Broker.PutAsync(Topology.RegisterJobErrorQueue, "{}", "application/json", Cancel);
        await platform.Broker.PutAsync(Topology.RegisterJobErrorQueue, "{}", "application/json", Cancel);
        using var http = Client(platform);

        var parked = await http.GetFromJsonAsync<JsonElement>("/ops/parked?place=notifications", Cancel);
        var registrations = await http.GetFromJsonAsync<JsonElement>("/ops/parked?place=registrations", Cancel);
        var released = await ActAsync(http, "release", new { place = "notifications", group = Group(parked.GetProperty("groups")[0]), reason = "a test" });

        await Waiting.UntilAsync("the copies are back", async () => await platform.Broker.CountAsync(Topology.RegisterJobErrorQueue, Cancel) == 2, Cancel);
        var discarded = await ActAsync(http, "discard", new { place = "registrations", group = Group(registrations.GetProperty("groups")[0]), reason = "a test" });

        Assert.DoesNotContain("ada@", $"{parked}", StringComparison.Ordinal);
        Assert.Equal((2, 1, 2), (registrations.GetProperty("count").GetInt64(), released, discarded));
        Assert.Equal(0u, await platform.Broker.CountAsync(Topology.RegisterJobErrorQueue, Cancel));
        Assert.Equal("{}", await platform.QueryAsync<string>("select encode(body, 'escape') from quarantined_events where discarded_at is not null"));
        // No channel is configured here, so it stays due.
        Assert.Equal("pending 0", await platform.QueryAsync<string>("select concat_ws(' ', status, attempts) from notifications"));
    }

    [Fact]
    public async Task A_replay_reaches_the_subscribers_with_the_ids_that_they_know()
    {
        await using var platform = await StartAsync();
        var heard = await platform.Broker.SubscribeAsync(Cancel);
        await platform.SendAsync([.. Enumerable.Range(0, 40).Select(i => NewEvent($"j{i}"))]);
        await Waiting.UntilAsync("all are published", () => Task.FromResult(heard.Count == 40), Cancel);
        using var http = Client(platform);

        using var answer = await http.PostAsJsonAsync(
            "/ops/replays", new { filter = new { type = "video.completed" }, reason = "a subscriber lost them", perSecond = 1000 }, Cancel);
        var id = (await answer.Content.ReadFromJsonAsync<JsonElement>(Cancel)).GetProperty("id").GetGuid();
        await Waiting.UntilAsync(
            "it is completed",
            async () => (await http.GetFromJsonAsync<JsonElement>($"/ops/replays/{id}", Cancel)).GetProperty("status").GetString() == "completed",
            Cancel);
        await Waiting.UntilAsync("all are published again", () => Task.FromResult(heard.Count == 80), Cancel);

        Assert.All(heard.CountBy(one => one.MessageId), one => Assert.Equal(2, one.Value));
    }

    private async Task<TestPlatform> StartAsync()
    {
        var platform = await CreateAsync(servers);
        await platform.StartIngressAsync();
        await platform.StartWorkerAsync(settings: new Dictionary<string, string?> { ["Operations__ApiKeys__0"] = Key });
        return platform;
    }

    private static HttpClient Client(TestPlatform platform)
    {
        var http = new HttpClient { BaseAddress = platform.Workers[0] };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Key);
        return http;
    }

    private static string Group(JsonElement group) => group.GetProperty("group").GetString()!;

    private static async Task<long> ActAsync(HttpClient http, string act, object request)
    {
        using var answer = await http.PostAsJsonAsync($"/ops/parked/{act}", request, Cancel);
        var result = await answer.Content.ReadFromJsonAsync<JsonElement>(Cancel);
        Assert.True(answer.IsSuccessStatusCode, $"{result}");
        Assert.True(result.GetProperty("isComplete").GetBoolean());
        return result.GetProperty("count").GetInt64();
    }
}
