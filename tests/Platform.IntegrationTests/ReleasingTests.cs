using System.Text;
using Platform.Contracts;
using Platform.DevStack;
using RabbitMQ.Client;
using static Platform.IntegrationTests.Messages;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>A parked message re-enters at the front of the pipeline when a person releases it.</summary>
public sealed class ReleasingTests(ServersFixture servers)
{
    private const string ErrorQueue = "webhook-received_error";
    private const string DeadQueue = "webhook-received_dead";

    [Fact]
    public async Task What_was_parked_takes_effect_once_however_often_it_is_released()
    {
        await using var platform = await ParkAsync("poison");
        var domainEvents = await platform.Broker.SubscribeAsync(Cancel);
        var parked = await platform.Broker.TakeAsync(ErrorQueue, Cancel);
        await platform.Broker.PutAsync(ErrorQueue, parked, Cancel);
        await platform.Broker.PutAsync(ErrorQueue, parked, Cancel);

        var released = await platform.ReleaseAsync("--error");
        await platform.Broker.PutAsync(ErrorQueue, parked, Cancel);
        var releasedAgain = await platform.ReleaseAsync("--error");

        Assert.Equal((0, 0), (released.ExitCode, releasedAgain.ExitCode));
        Assert.Contains("released 2 of 2 in ", released.Output, StringComparison.Ordinal);
        Assert.Contains("P0001: this event is poison", released.Output, StringComparison.Ordinal);
        await platform.CountAsync(1, "select count(*) from jobs where magic_hour_id = 'poison' and status = 'completed'");
        await platform.SendAsync([NewEvent("sentinel")]);
        await Waiting.UntilAsync("the sentinel", () => Task.FromResult(domainEvents.Any(one => one.JobId == "sentinel")), Cancel);
        await platform.AssertDrainedAsync();
        Assert.Equal(["poison", "sentinel"], domainEvents.Select(one => one.JobId));
        Assert.Equal(2, await platform.QueryAsync<long>("select count(*) from webhook_bodies"));
    }

    [Fact]
    public async Task A_dry_run_shows_the_reason_and_changes_nothing()
    {
        await using var platform = await ParkAsync("poison");

        var shown = await platform.ReleaseAsync("--error", "--dry-run");
        await WaitForAsync(platform, ErrorQueue, 1);
        var shownAgain = await platform.ReleaseAsync("--error", "--dry-run", "--id", IdOf("poison"));

        Assert.Equal((0, 0), (shown.ExitCode, shownAgain.ExitCode));
        var line = Assert.Single(Lines(shown), line => line.StartsWith("would release  ", StringComparison.Ordinal));
        Assert.Contains($"{IdOf("poison")}  video.completed  poison  ", line, StringComparison.Ordinal);
        Assert.EndsWith("  Npgsql.PostgresException: P0001: this event is poison", line, StringComparison.Ordinal);
        Assert.Contains(line, Lines(shownAgain));
        await platform.AssertDrainedAsync(parked: 1);
        Assert.Equal(0, await platform.QueryAsync<long>("select count(*) from webhook_events"));
    }

    [Fact]
    public async Task Only_what_is_asked_for_is_released()
    {
        await using var platform = await ParkAsync("poison 1", "poison 2", "poison 3");

        var released = await platform.ReleaseAsync("--error", "--id", IdOf("poison 2"), "--id", IdOf("another"));

        Assert.Equal(1, released.ExitCode);
        Assert.EndsWith($"kept 2: 2 not asked for\nthere is no {IdOf("another")}\n", released.Output, StringComparison.Ordinal);
        await platform.CountAsync(1, "select count(*) from webhook_events");
        await platform.AssertDrainedAsync(parked: 2);
        Assert.Equal("poison 2", await platform.QueryAsync<string>("select job_id from webhook_events"));
    }

    [Fact]
    public async Task More_than_a_chunk_is_kept_and_more_than_a_chunk_is_released()
    {
        var jobs = Enumerable.Range(0, 250).Select(i => $"poison {i}").ToArray();
        await using var platform = await ParkAsync(jobs);

        var one = await platform.ReleaseAsync("--error", "--id", IdOf("poison 249"));
        await WaitForAsync(platform, ErrorQueue, 249);
        var rest = await Task.WhenAll(platform.ReleaseAsync("--error"), platform.ReleaseAsync("--error"));

        Assert.Contains("kept 249: 249 not asked for", one.Output, StringComparison.Ordinal);
        Assert.All(rest, result => Assert.True(result.ExitCode == 0, $"{result.Output}\n{result.Error}"));
        await platform.CountAsync(250, "select count(*) from webhook_events");
        await platform.AssertDrainedAsync();
        // At least one of the two releases each message; one that both release is applied once.
        var released = rest.SelectMany(Lines).Where(line => line.StartsWith("released  ", StringComparison.Ordinal)).Select(line => line.Split("  ")[1]);
        Assert.Equal(249, released.Distinct().Count());
    }

    [Fact]
    public async Task A_dead_letter_is_released_as_it_was_published()
    {
        await using var platform = await TestPlatform.CreateAsync(servers);
        await platform.StartIngressAsync();
        await platform.SendAsync([NewEvent("dead")]);
        var published = await platform.Broker.TakeAsync("webhook-received", Cancel);
        await platform.Broker.PutAsync("webhook-received", published, Cancel);
        await platform.Broker.ReturnAsync("webhook-received", times: 5, Cancel);
        await platform.Broker.RejectAsync("webhook-received", Cancel);
        await WaitForAsync(platform, DeadQueue, 1);

        var released = await platform.ReleaseAsync("--dead");

        Assert.Equal(0, released.ExitCode);
        Assert.Contains("  video.completed  dead  ", released.Output, StringComparison.Ordinal);
        Assert.Contains("  rejected in webhook-received\n", released.Output, StringComparison.Ordinal);
        Assert.Equal(0u, await platform.Broker.CountAsync(DeadQueue, Cancel));
        var again = await platform.Broker.TakeAsync("webhook-received", Cancel);
        Assert.Equal(published.Body.ToArray(), again.Body.ToArray());
        Assert.Equal(Describe(published), Describe(again));
    }

    [Fact]
    public async Task Looking_at_a_dead_letter_does_not_wear_it_out()
    {
        await using var platform = await TestPlatform.CreateAsync(servers);
        await platform.StartIngressAsync();
        await platform.SendAsync([NewEvent("dead")]);
        await platform.Broker.RejectAsync("webhook-received", Cancel);
        await WaitForAsync(platform, DeadQueue, 1);
        await platform.Broker.ReturnAsync(DeadQueue, times: 12, Cancel);

        var shown = await platform.ReleaseAsync("--dead", "--dry-run");
        await WaitForAsync(platform, DeadQueue, 1);
        var shownAgain = await platform.ReleaseAsync("--dead", "--dry-run");

        // RabbitMQ 4 drops a message at the 21st return; 3.10 only counts.
        Assert.All([shown, shownAgain], result => Assert.Contains("  rejected in webhook-received\n", result.Output, StringComparison.Ordinal));
        await WaitForAsync(platform, DeadQueue, 1);
        var dead = await platform.Broker.TakeAsync(DeadQueue, Cancel);
        Assert.Equal(IdOf("dead"), dead.BasicProperties.MessageId);
        Assert.Equal(1L, dead.BasicProperties.Headers?["x-delivery-count"]);
        Assert.Equal(0u, await platform.Broker.CountAsync(DeadQueue, Cancel));
    }

    [Fact]
    public async Task A_quarantined_body_that_is_an_event_by_todays_rule_is_released_and_another_stays()
    {
        await using var platform = await TestPlatform.CreateAsync(servers);
        await QuarantineAsync(platform, """{"type":"video.completed","payload":{"id":"usable today","status":"complete"}}""");
        await QuarantineAsync(platform, """{"type":"video.completed","payload":{}}""");
        await platform.StartWorkerAsync();

        var shown = await platform.ReleaseAsync("--quarantined", "--dry-run");
        var untouched = await platform.QueryAsync<long>("select count(*) from quarantined_events");
        var released = await platform.ReleaseAsync("--quarantined");

        Assert.Equal((0, 2, 0), (shown.ExitCode, untouched, released.ExitCode));
        Assert.Contains("  video.completed  usable today  2026-11-22T10:00:00Z  of_old\n", released.Output, StringComparison.Ordinal);
        Assert.Contains("  video.completed  -  2026-11-22T10:00:00Z  no_id\n", released.Output, StringComparison.Ordinal);
        Assert.EndsWith("kept 1: 1 not usable\n", released.Output, StringComparison.Ordinal);
        await platform.CountAsync(1, "select count(*) from jobs where magic_hour_id = 'usable today' and completed_at = '2026-11-22T10:00:00Z'");
        await platform.CountAsync(1, "select count(*) from quarantined_events where body like '%{}%'");
        Assert.Equal(
            "replay name 0af7651916cd43dd8448eb211c80319c f",
            await platform.QueryAsync<string>("select format('%s %s %s %s', origin, secret_name, trace_id, late) from webhook_events"));
        await platform.AssertDrainedAsync();
    }

    /// <summary>A platform whose worker has parked the events of these jobs and would not park them again.</summary>
    private async Task<TestPlatform> ParkAsync(params string[] jobs)
    {
        var platform = await TestPlatform.CreateAsync(servers);
        await platform.ExecuteAsync(
            """
            create function refuse() returns trigger language plpgsql as $$ begin raise exception 'this event is poison'; end $$;
            create trigger refuse before insert on webhook_events for each row execute function refuse();
            """);
        await platform.StartWorkerAsync();
        await platform.StartIngressAsync();
        await platform.SendAsync([.. jobs.Select(NewEvent)]);
        await WaitForAsync(platform, ErrorQueue, (uint)jobs.Length);
        await platform.ExecuteAsync("drop trigger refuse on webhook_events");
        return platform;
    }

    private static Task QuarantineAsync(TestPlatform platform, string body) => platform.ExecuteAsync(
        $"""
        insert into quarantined_events (body_sha256, reason, body, received_at, sent_at, secret_name, delivery_id, trace_id)
        select sha256(body), 'of_old', body, '2026-11-22T10:00:00Z', '2026-11-22T09:59:59Z', 'name', gen_random_uuid(), '0af7651916cd43dd8448eb211c80319c'
        from convert_to('{body}', 'UTF8') as body
        """);

    private static Task WaitForAsync(TestPlatform platform, string queue, uint count) =>
        Waiting.UntilAsync($"{count} in {queue}", async () => await platform.Broker.CountAsync(queue, Cancel) == count, Cancel);

    private static string IdOf(string jobId) => EventIdentity.Create("video.completed", jobId).ToString();

    private static string[] Lines(ProgramResult result) => result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The properties of a message that a consumer sees, without the publish sequence number of the client.</summary>
    private static string Describe(BasicGetResult message)
    {
        var properties = message.BasicProperties;
        var headers = (properties.Headers ?? new Dictionary<string, object?>())
            .Where(header => header.Key != Constants.PublishSequenceNumberHeader)
            .OrderBy(header => header.Key, StringComparer.Ordinal)
            .Select(header => $"{header.Key}: {(header.Value is byte[] text ? Encoding.UTF8.GetString(text) : header.Value)}");
        return $"{properties.MessageId} {properties.CorrelationId} {properties.ContentType} {properties.DeliveryMode}\n{string.Join('\n', headers)}";
    }
}
