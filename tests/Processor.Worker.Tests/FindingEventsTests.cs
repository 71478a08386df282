using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Platform.Contracts;
using static Processor.Worker.Tests.OperationsApp;

namespace Processor.Worker.Tests;

/// <summary><c>GET /ops/events</c> and <c>/ops/jobs</c>: lists, filters, pages, and one event.</summary>
public sealed class FindingEventsTests(PostgresFixture postgres)
{
    private const string Url = "https://files.example.com/a.mp4?X-Signature=secret";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("", "late,reconciled,b,a")]
    [InlineData("?type=video.completed", "late,b")]
    [InlineData("?job=a", "a")]
    [InlineData("?from=2026-11-23T12:01:00Z", "late,reconciled,b")]
    [InlineData("?to=2026-11-23T12:01:00Z", "a")]
    [InlineData("?from=2026-11-23T12:01:00&to=2026-11-23T12:02:00", "b")]
    [InlineData("?late=true", "late")]
    [InlineData("?late=false&type=video.completed", "b")]
    [InlineData("?origin=reconcile", "reconciled")]
    [InlineData("?origin=live&type=video.started", "a")]
    [InlineData("?trace=BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB", "b")]
    [InlineData("?trace=cccccccccccccccccccccccccccccccc", "")]
    public async Task Events_are_found_by_their_filters_and_the_newest_is_first(string query, string expected)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);
        await database.CommitAsync(
            Deliveries.Unit(Deliveries.Event("video.started", "a")),
            Deliveries.Unit(Deliveries.Event("video.completed", "b", Deliveries.Noon.AddMinutes(1))),
            Deliveries.Unit(Deliveries.Event("image.completed", "reconciled", Deliveries.Noon.AddMinutes(2)) with { Origin = Origins.Reconcile }),
            Deliveries.Unit(Deliveries.Event("video.completed", "late", Deliveries.Noon.AddMinutes(3)) with { Late = true }));
        await database.ExecuteAsync("update webhook_events set trace_id = repeat(job_id, 32) where job_id in ('a', 'b')");

        var page = await http.GetFromJsonAsync<JsonElement>($"/ops/events{query}", Cancel);

        Assert.Equal(expected, string.Join(',', page.GetProperty("items").EnumerateArray().Select(item => Text(item, "jobId"))));
        Assert.Equal(JsonValueKind.Null, page.GetProperty("next").ValueKind);
    }

    [Fact]
    public async Task Pages_have_every_event_once_although_many_have_one_time_and_others_arrive_meanwhile()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);
        await database.CommitAsync([.. Enumerable.Range(0, 25).Select(i => Deliveries.Unit(Deliveries.Event("video.started", $"j{i}")))]);

        var seen = new List<string>();
        for (var next = ""; next is not null;)
        {
            var page = await http.GetFromJsonAsync<JsonElement>($"/ops/events?limit=10{(next.Length > 0 ? $"&cursor={next}" : "")}", Cancel);
            seen.AddRange(page.GetProperty("items").EnumerateArray().Select(item => Text(item, "jobId")!));
            next = Text(page, "next");
            await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", $"new{seen.Count}", Deliveries.Noon.AddHours(1))));
        }

        Assert.Equal(Enumerable.Range(0, 25).Select(i => $"j{i}").Order(), seen.Order());
    }

    [Theory]
    [InlineData("events", "?jobs=a", "jobs")]
    [InlineData("events", "?limit=201", "limit")]
    [InlineData("events", "?limit=0", "limit")]
    [InlineData("events", "?late=yes", "late")]
    [InlineData("events", "?from=yesterday", "from")]
    [InlineData("events", "?origin=elsewhere", "origin")]
    [InlineData("events", "?cursor=bm90IGEgY3Vyc29y", "cursor")]
    [InlineData("events", "?cursor=%21", "cursor")]
    [InlineData("events", "?type=a&type=b", "type")]
    [InlineData("events", "?job=%00", "job")]
    [InlineData("jobs", "?state=failed", "state")]
    [InlineData("jobs", "?status=done", "status")]
    [InlineData("jobs", "?overdue=1", "overdue")]
    [InlineData("audit", "?action=nothing", "action")]
    [InlineData("audit", "?user=ada", "user")]
    [InlineData("replays", "?status=running", "status")]
    [InlineData("parked", "?place=elsewhere", "place")]
    [InlineData("parked", "", "place")]
    [InlineData("events", "?from=9999-12-31T23:59:59Z", "from")]
    [InlineData("events/stream", "?since=0001-01-01T00:00:00Z", "since")]
    [InlineData("accounting", "?to=0001-01-01T00:00:00Z", "to")]
    [InlineData("jobs", "?cursor=MCBhAA", "cursor")]
    [InlineData("stats", "?window=25h", "window")]
    [InlineData("stats", "?window=0m", "window")]
    [InlineData("stats", "?window=5", "window")]
    public async Task A_filter_that_is_wrong_or_unknown_is_rejected_by_name(string list, string query, string name)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);

        using var answer = await http.GetAsync(new Uri($"/ops/{list}{query}", UriKind.Relative), Cancel);

        var problem = await AssertProblemAsync(HttpStatusCode.BadRequest, answer);
        Assert.Equal([name], problem.GetProperty("errors").EnumerateObject().Select(error => error.Name));
    }

    [Theory]
    [InlineData("", "failed,running,overdue,completed")]
    [InlineData("?status=failed", "failed")]
    [InlineData("?status=rendering", "running,overdue")]
    [InlineData("?resource=image", "failed")]
    [InlineData("?user=ada", "completed")]
    [InlineData("?overdue=true", "overdue")]
    [InlineData("?overdue=false", "failed,running,completed")]
    [InlineData("?from=2026-11-23T12:02:00Z", "failed,running")]
    [InlineData("?to=2026-11-23T12:01:00Z", "completed")]
    public async Task Jobs_are_found_by_their_filters_and_the_newest_is_first(string query, string expected)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);
        await database.CommitAsync(
            Deliveries.Unit(Deliveries.Event("video.completed", "completed")),
            Deliveries.Unit(Deliveries.Event("video.started", "overdue", Deliveries.Noon.AddMinutes(1))),
            Deliveries.Unit(Deliveries.Event("audio.started", "running", Deliveries.Noon.AddMinutes(2))),
            Deliveries.Unit(Deliveries.Event("image.errored", "failed", Deliveries.Noon.AddMinutes(3))));
        await database.ExecuteAsync(
            """
            update jobs set user_id = 'ada' where magic_hour_id = 'completed';
            insert into job_checks (job_id, kind, state, next_check_at, since, attempts, failures, not_found)
            select magic_hour_id, 'video', 'waiting', now(), now(), case magic_hour_id when 'overdue' then 1 else 0 end, 0, 0
            from jobs where status = 'rendering'
            """);

        var page = await http.GetFromJsonAsync<JsonElement>($"/ops/jobs{query}", Cancel);

        Assert.Equal(expected, string.Join(',', page.GetProperty("items").EnumerateArray().Select(item => Text(item, "jobId"))));
        Assert.All(page.GetProperty("items").EnumerateArray(), item => Assert.Equal(Text(item, "jobId") == "overdue", item.GetProperty("overdue").GetBoolean()));
    }

    [Fact]
    public async Task An_event_is_shown_with_its_bodies_and_what_is_confidential_is_redacted()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);
        var first = Deliveries.Event($$"""{"type":"video.completed","payload":{"id":"j","name":"mail ada@example.com","downloads":[{"url":"{{Url}}"}]} }""");
        var variant = Deliveries.Event("""{"type":"video.completed","payload":{"id":"j","name":"another"} }""");
        await database.CommitAsync(Deliveries.Unit(first));
        await database.CommitAsync(Deliveries.Unit(variant));

        var shown = await http.GetFromJsonAsync<JsonElement>($"/ops/events/{first.EventId}", Cancel);

        Assert.Equal(("video.completed", "j", "live"), (Text(shown, "type"), Text(shown, "jobId"), Text(shown, "origin")));
        var bodies = shown.GetProperty("bodies").EnumerateArray().ToArray();
        Assert.Equal([first.BodySha256, variant.BodySha256], bodies.Select(body => Text(body, "sha256")));
        var payload = bodies[0].GetProperty("body").GetProperty("payload");
        Assert.Equal("mail [redacted]@example.com", Text(payload, "name"));
        Assert.Equal("https://files.example.com/a.mp4?[redacted]", Text(payload.GetProperty("downloads")[0], "url"));
        Assert.Equal(JsonValueKind.Null, bodies[0].GetProperty("raw").ValueKind);
        Assert.DoesNotContain("X-Signature=", shown.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_bytes_of_a_body_are_shown_on_request_and_that_is_recorded()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);
        var received = Deliveries.Event("video.completed", "j");
        await database.CommitAsync(Deliveries.Unit(received));

        var shown = await http.GetFromJsonAsync<JsonElement>($"/ops/events/{received.EventId}?raw=true", Cancel);

        Assert.Equal(Encoding.UTF8.GetString(received.Body.Span), Encoding.UTF8.GetString(shown.GetProperty("bodies")[0].GetProperty("raw").GetBytesFromBase64()));
        Assert.Equal([$"raw {received.EventId} done 1"], await database.QueryAsync("select concat_ws(' ', action, target, outcome, count) from audit_log"));
    }

    [Theory]
    [InlineData("jobs", "jobId", "insert into jobs (magic_hour_id, resource, status, created_at, updated_at) select 'job ' || n, 'video', 'queued', '2026-11-23', now() from generate_series(1, 7) n")]
    [InlineData("audit", "id", "insert into audit_log (at, who, action, target, outcome) select '2026-11-23', 'ada', 'release', 'error', 'done' from generate_series(1, 7) n")]
    [InlineData("replays", "id", """
        insert into replays (id, created_at, created_by, reason, filter, events, notifications, new_ids, per_second, status, examined, published, notified)
        select gen_random_uuid(), '2026-11-23', 'ada', 'a test', '{"type":"video.completed"}', true, false, false, 1, 'completed', 0, 0, 0 from generate_series(1, 7) n
        """)]
    public async Task Pages_of_a_list_have_every_row_of_one_time_once(string list, string id, string insert)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);
        await database.ExecuteAsync(insert);

        var found = new List<string>();
        var sizes = new List<int>();
        string? next = "";
        while (next is not null)
        {
            var page = await http.GetFromJsonAsync<JsonElement>($"/ops/{list}?limit=3{(next.Length > 0 ? $"&cursor={next}" : "")}", Cancel);
            var items = page.GetProperty("items").EnumerateArray().ToArray();
            sizes.Add(items.Length);
            found.AddRange(items.Select(item => $"{item.GetProperty(id)}"));
            next = page.GetProperty("next").GetString();
        }

        Assert.Equal([3, 3, 1], sizes);
        Assert.Equal(7, found.Distinct().Count());
    }

    [Fact]
    public async Task An_unknown_event_is_not_found()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);

        using var answer = await http.GetAsync(new Uri($"/ops/events/{Guid.NewGuid()}", UriKind.Relative), Cancel);

        await AssertProblemAsync(HttpStatusCode.NotFound, answer);
    }

    [Fact]
    public async Task An_event_says_whether_its_delivery_was_confirmed_once_its_ingress_has_reported_it()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);
        var accounts = new Accounts(database);
        await database.CommitAsync(Accounts.Batch(1, 5));
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "without a number")));

        await accounts.ReportAsync(through: 2);
        await accounts.ReportAsync(through: 4, seconds: 20, unconfirmed: [new(3, 3)]);

        Assert.Equal(("""{"isConfirmed":true,"ingress":"ingress-15","reportedAt":"2026-11-23T12:00:10+00:00"}""", "null"), (await ConfirmAsync(2), await ConfirmAsync(5)));
        Assert.Equal("""{"isConfirmed":false,"ingress":"ingress-15","reportedAt":"2026-11-23T12:00:20+00:00"}""", await ConfirmAsync(3));
        Assert.Equal("null", await ConfirmOfAsync("without a number", "video.started"));

        Task<string> ConfirmAsync(int number) => ConfirmOfAsync($"job-{Accounts.Source:x}-{number}", "video.completed");

        async Task<string> ConfirmOfAsync(string job, string type)
        {
            var found = await http.GetFromJsonAsync<JsonElement>($"/ops/events/{EventIdentity.Create(type, job)}", Cancel);
            return found.GetProperty("confirm").GetRawText();
        }
    }

    [Fact]
    public async Task The_overview_counts_what_was_applied_and_what_waits()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);
        var now = DateTimeOffset.UtcNow;
        await database.CommitAsync(
            Deliveries.Unit(Deliveries.Event("video.started", "a", now.AddSeconds(-30))),
            Deliveries.Unit(Deliveries.Event("video.completed", "a", now.AddSeconds(-10)) with { Late = true }),
            Deliveries.Unit(Deliveries.Event("video.started", "old", now.AddHours(-2))),
            Deliveries.Unit(Deliveries.NoEvent("{}")));

        var stats = await http.GetFromJsonAsync<JsonElement>("/ops/stats?window=1h", Cancel);

        var events = stats.GetProperty("events");
        Assert.Equal((2, 1), (events.GetProperty("applied").GetInt64(), events.GetProperty("late").GetInt64()));
        Assert.Equal(1, events.GetProperty("byType").GetProperty("video.completed").GetInt64());
        Assert.InRange(events.GetProperty("acceptToCommitP50Seconds").GetDouble(), 10, 60);
        Assert.Equal("""{"accepted":0,"late":0,"quarantined":0,"refused":0,"unavailable":0}""", stats.GetProperty("answers").GetRawText());
        Assert.Equal((3, 1), (stats.GetProperty("backlog").GetProperty("outbox").GetInt64(), stats.GetProperty("backlog").GetProperty("quarantined").GetInt64()));
    }

    [Fact]
    public async Task The_overview_sums_what_each_ingress_answered_in_the_window()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);
        var accounts = new Accounts(database);
        var now = DateTimeOffset.UtcNow;
        // One that runs for long, one that started in the window, one that ended before it, and one whose report is wrong.
        await accounts.AnswerAsync(now.AddHours(-30), [1000, 10, 5, 7, 3], source: 1);
        await accounts.AnswerAsync(now.AddMinutes(-90), [2000, 11, 5, 7, 3], source: 1);
        await accounts.AnswerAsync(now.AddMinutes(-30), [2500, 12, 6, 7, 3], source: 1);
        await accounts.AnswerAsync(now, [2600, 12, 6, 8, 3], source: 1);
        await accounts.AnswerAsync(now, [50, 0, 0, 0, 4], source: 2);
        await accounts.AnswerAsync(now.AddHours(-2), [9000, 0, 0, 0, 0], source: 3);
        await accounts.AnswerAsync(now, [0, long.MaxValue, long.MinValue, 0, 0], source: 4);

        var hour = await http.GetFromJsonAsync<JsonElement>("/ops/stats?window=1h", Cancel);

        Assert.Equal(
            $$"""{"accepted":650,"late":{{long.MaxValue}},"quarantined":1,"refused":1,"unavailable":4}""", hour.GetProperty("answers").GetRawText());
    }
}
