using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Processor.Worker.Outbox;
using Processor.Worker.Replays;
using static Processor.Worker.Tests.OperationsApp;

namespace Processor.Worker.Tests;

/// <summary>Replays: the request over HTTP, and the run by a worker.</summary>
public sealed class ReplayingTests(PostgresFixture postgres)
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Domain_events_are_published_again_with_their_ids_and_nothing_else_is()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await CommitJobsAsync(database, 5);
        var original = await database.QueryAsync("select concat_ws(' ', message_id, message_type, body) from outbox_message order by 1");
        await database.ExecuteAsync("delete from outbox_message");
        var id = await StartReplayAsync(database, new { filter = new { from = "2026-11-23T12:00:00Z" }, reason = "a test", perSecond = 1000 });

        await RunAsync(database);

        Assert.Equal(original, await database.QueryAsync("select concat_ws(' ', message_id, message_type, body) from outbox_message order by 1"));
        Assert.Equal(["completed 10 10 0"], await database.QueryAsync($"select concat_ws(' ', status, examined, published, notified) from replays where id = '{id}'"));
        Assert.Equal([$"replay done 10 a test"], await database.QueryAsync("select concat_ws(' ', action, outcome, count, reason) from audit_log"));
    }

    [Fact]
    public async Task A_replay_of_a_newer_version_is_left_to_its_workers_and_the_others_go_on()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await CommitJobsAsync(database, 2);
        await StartReplayAsync(database, new { filter = new { type = "video.completed" }, reason = "newer" });
        await database.ExecuteAsync("""update replays set filter = filter || '{"color":"red"}', created_at = created_at - interval '1 hour'""");
        await StartReplayAsync(database, new { filter = new { type = "video.completed" }, reason = "readable" });

        await RunAsync(database, "reason = 'readable'");

        Assert.Equal(["newer running 0", "readable completed 2"], await database.QueryAsync("select concat_ws(' ', reason, status, examined) from replays order by 1"));
    }

    [Fact]
    public async Task New_ids_are_given_on_request()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await CommitJobsAsync(database, 2);
        var original = await database.QueryAsync("delete from outbox_message returning message_id");
        await StartReplayAsync(database, new { filter = new { type = "video.completed" }, reason = "a test", identity = "new" });

        await RunAsync(database);

        var replayed = await database.QueryAsync("select message_id from outbox_message");
        Assert.Equal((2, 2), (replayed.Distinct().Count(), replayed.Length));
        Assert.Empty(replayed.Intersect(original));
    }

    [Fact]
    public async Task An_event_that_changed_nothing_when_it_came_publishes_nothing_now()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", "j", Deliveries.Noon.AddMinutes(1))));
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "j")));
        var original = await database.QueryAsync("delete from outbox_message returning message_type");
        await StartReplayAsync(database, new { filter = new { job = "j" }, reason = "a test" });

        await RunAsync(database);

        Assert.Equal(["JobCompleted"], original);
        Assert.Equal(original, await database.QueryAsync("select message_type from outbox_message"));
    }

    [Fact]
    public async Task Delivered_and_parked_notifications_become_due_again_and_superseded_ones_do_not()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        foreach (var job in new[] { "delivered", "parked", "superseded" })
        {
            await database.RegisterAsync(Owners.Register(job));
            await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", job)));
        }

        await database.ExecuteAsync("update notifications set status = job_id, attempts = 5, delivered_at = now(), last_error = 'none'");
        await database.ExecuteAsync("delete from outbox_message");
        await StartReplayAsync(database, new { filter = new { type = "video.completed" }, what = new[] { "notifications" }, reason = "a test" });

        await RunAsync(database);

        Assert.Equal(
            ["delivered pending 0", "parked pending 0", "superseded superseded 5"],
            await database.QueryAsync("select concat_ws(' ', job_id, status, attempts) from notifications order by job_id"));
        Assert.Empty(await database.QueryAsync("select id from outbox_message"));
        Assert.Equal(["2"], await database.QueryAsync("select notified from replays"));
    }

    [Fact]
    public async Task A_run_that_is_killed_in_a_chunk_continues_and_repeats_nothing()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await CommitJobsAsync(database, 30);
        await database.ExecuteAsync("delete from outbox_message");
        await StartReplayAsync(database, new { filter = new { type = "video.completed" }, reason = "a test", perSecond = 50 });
        // The second chunk fails before its commit, as if the process had been killed.
        await database.ExecuteAsync(
            """
            create function kill() returns trigger language plpgsql as $$ begin if old.examined = 10 then raise exception 'killed'; end if; return new; end $$;
            create trigger kill before update on replays for each row execute function kill()
            """);
        using var runner = CreateRunner(database);
        _time.Advance(await runner.RunChunkAsync(Cancel));
        await Assert.ThrowsAsync<Npgsql.PostgresException>(() => runner.RunChunkAsync(Cancel));
        await database.ExecuteAsync("drop trigger kill on replays");

        await RunAsync(database);

        Assert.Equal(["30 30"], await database.QueryAsync("select concat_ws(' ', count(*), count(distinct message_id)) from outbox_message"));
        Assert.Equal(["completed 30"], await database.QueryAsync("select concat_ws(' ', status, examined) from replays"));
    }

    [Fact]
    public async Task Workers_keep_to_the_rate_together()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await CommitJobsAsync(database, 40);
        await StartReplayAsync(database, new { filter = new { type = "video.completed" }, reason = "a test", perSecond = 50 });
        using var one = CreateRunner(database);
        using var other = CreateRunner(database);

        // A chunk is a fifth of a second.
        var pause = await one.RunChunkAsync(Cancel);
        await other.RunChunkAsync(Cancel);
        var first = await database.QueryAsync("select examined from replays");
        _time.Advance(pause);
        await other.RunChunkAsync(Cancel);
        await one.RunChunkAsync(Cancel);
        var second = await database.QueryAsync("select examined from replays");
        // No worker ran for a minute: what was missed is not made up for.
        _time.Advance(TimeSpan.FromMinutes(1));
        await one.RunChunkAsync(Cancel);
        await other.RunChunkAsync(Cancel);

        Assert.InRange(pause, TimeSpan.FromSeconds(0.2), TimeSpan.FromSeconds(0.202));
        Assert.Equal(["10"], first);
        Assert.Equal(["20"], second);
        Assert.Equal(["30"], await database.QueryAsync("select examined from replays"));
    }

    [Fact]
    public async Task A_replay_waits_while_live_domain_events_wait()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await CommitJobsAsync(database, 1);
        await StartReplayAsync(database, new { filter = new { type = "video.completed" }, reason = "a test" });
        await database.ExecuteAsync(
            "insert into outbox_message (message_id, message_type, body, created_at) select gen_random_uuid(), 'JobStarted', '{}', now() from generate_series(1, 400)");
        using var runner = CreateRunner(database);

        await runner.RunChunkAsync(Cancel);
        var waiting = await database.QueryAsync("select examined from replays");
        await database.ExecuteAsync("delete from outbox_message");
        await runner.RunChunkAsync(Cancel);

        Assert.Equal(["0"], waiting);
        Assert.Equal(["1"], await database.QueryAsync("select examined from replays"));
    }

    [Fact]
    public async Task A_stopped_replay_goes_no_further_and_the_stop_is_recorded()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await CommitJobsAsync(database, 30);
        var id = await StartReplayAsync(database, new { filter = new { type = "video.completed" }, reason = "a test", perSecond = 50 });
        await database.ExecuteAsync("delete from outbox_message");
        using var runner = CreateRunner(database);
        await runner.RunChunkAsync(Cancel);
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);

        using var answer = await http.PostAsync(new Uri($"/ops/replays/{id}/stop", UriKind.Relative), null, Cancel);
        await RunAsync(database);

        var shown = await answer.Content.ReadFromJsonAsync<JsonElement>(Cancel);
        Assert.Equal(("stopped", 10), (Text(shown, "status"), shown.GetProperty("examined").GetInt64()));
        Assert.Equal(["10"], await database.QueryAsync("select count(*) from outbox_message"));
        Assert.Equal(["replay 30", "replay.stop 10"], await database.QueryAsync("select concat_ws(' ', action, count) from audit_log order by id"));
    }

    [Fact]
    public async Task A_preview_counts_and_starts_nothing()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await CommitJobsAsync(database, 3);
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);

        using var answer = await http.PostAsJsonAsync("/ops/replays", new { filter = new { type = "video.started" }, preview = true }, Cancel);

        Assert.Equal(3, (await answer.Content.ReadFromJsonAsync<JsonElement>(Cancel)).GetProperty("total").GetInt64());
        Assert.Empty(await database.QueryAsync("select id from replays"));
        Assert.Empty(await database.QueryAsync("select id from audit_log"));
    }

    [Theory]
    [InlineData("""{"reason":"a test"}""", "filter")]
    [InlineData("""{"reason":"a test","filter":{} }""", "filter")]
    [InlineData("""{"reason":"a test","filter":{"jobs":"a"} }""", "filter,filter.jobs")]
    [InlineData("""{"filter":{"job":"a"} }""", "reason")]
    [InlineData("""{"filter":{"job":"a"},"reason":" "}""", "reason")]
    [InlineData("""{"filter":{"job":"a"},"reason":"a test","perSecond":0}""", "perSecond")]
    [InlineData("""{"filter":{"job":"a"},"reason":"a test","identity":"other"}""", "identity")]
    [InlineData("""{"filter":{"job":"a"},"reason":"a test","what":["mails"]}""", "what")]
    [InlineData("""{"filter":{"job":"a\u0000"},"reason":"a test"}""", "filter")]
    [InlineData("""{"filter":{"job":"a"},"reason":"a test","dryRun":true}""", "dryRun")]
    [InlineData("""{"raeson":"a test"}""", "raeson,reason", "/jobs/j/notifications/email/resend")]
    public async Task A_request_that_is_wrong_is_rejected_by_name(string request, string names, string route = "/ops/replays")
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);

        using var answer = await http.PostAsync(
            new Uri(route, UriKind.Relative), new StringContent(request, System.Text.Encoding.UTF8, "application/json"), Cancel);

        var problem = await AssertProblemAsync(HttpStatusCode.BadRequest, answer);
        Assert.Equal(names.Split(','), problem.GetProperty("errors").EnumerateObject().Select(error => error.Name).Order());
        Assert.Empty(await database.QueryAsync("select id from replays"));
    }

    /// <summary>Jobs that started and completed.</summary>
    private static async Task CommitJobsAsync(TestDatabase database, int count)
    {
        foreach (var job in Enumerable.Range(0, count).Select(i => $"j{i}"))
        {
            await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", job)));
            await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", job, Deliveries.Noon.AddMinutes(1))));
        }
    }

    private static async Task<Guid> StartReplayAsync(TestDatabase database, object request)
    {
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);
        using var answer = await http.PostAsJsonAsync("/ops/replays", request, Cancel);
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        var shown = await answer.Content.ReadFromJsonAsync<JsonElement>(Cancel);
        Assert.Equal($"/ops/replays/{Text(shown, "id")}", $"{answer.Headers.Location}");
        return shown.GetProperty("id").GetGuid();
    }

    /// <summary>Runs chunks until no replay is running.</summary>
    /// <param name="which">The replays that must end, as a condition.</param>
    private async Task RunAsync(TestDatabase database, string which = "true")
    {
        using var runner = CreateRunner(database);
        while ((await database.QueryAsync($"select id from replays where status = 'running' and {which}")).Length > 0)
        {
            _time.Advance(await runner.RunChunkAsync(Cancel));
        }
    }

    private ReplayRunner CreateRunner(TestDatabase database) =>
        new(database.Source, gate: null!, new OutboxSignal(TimeProvider.System), _time, NullLogger<ReplayRunner>.Instance);
}
