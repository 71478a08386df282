using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Processor.Worker.Events;
using Processor.Worker.Operations;
using static Processor.Worker.Tests.OperationsApp;

namespace Processor.Worker.Tests;

/// <summary>Events and jobs as server-sent events: each once, without a gap.</summary>
public sealed class StreamingEventsTests(PostgresFixture postgres)
{
    private const string Events = "/ops/events/stream";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Events_arrive_as_they_are_committed_as_the_list_shows_them()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);
        await using var stream = await EventStream.OpenAsync(http, Events);

        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "a")));
        var item = await stream.NextAsync();
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", "b")));
        var second = await stream.ReadAsync();

        var listed = JsonSerializer.Deserialize<JsonElement>(await http.GetStringAsync(new Uri("/ops/events?job=a", UriKind.Relative), Cancel));
        Assert.Equal("event", item.EventType);
        Assert.Equal($"{listed.GetProperty("items")[0]}", item.Data);
        Assert.Equal(("b", "video.completed"), (Text(second, "jobId"), Text(second, "type")));
    }

    [Fact]
    public async Task An_event_whose_transaction_is_held_open_is_not_skipped_by_a_later_one()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var reader = new OperationsDatabase(NpgsqlDataSource.Create(database.ConnectionString));
        var feed = new EventFeed(reader);
        var start = await feed.FindEndAsync(Cancel);
        await using var held = await database.Source.OpenConnectionAsync(Cancel);
        await using var transaction = await held.BeginTransactionAsync(Cancel);
        await InsertAsync(held, "held");
        await using var lost = await database.Source.OpenConnectionAsync(Cancel);
        await using var rolledBack = await lost.BeginTransactionAsync(Cancel);
        await InsertAsync(lost, "rolled back");

        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "later")));
        var meanwhile = await feed.ReadAsync(new EventFilter(), null, start, Cancel);
        await rolledBack.RollbackAsync(Cancel);
        await transaction.CommitAsync(Cancel);
        var (afterwards, position) = await ReadRowsAsync(feed, new EventFilter(), meanwhile.Position, 2);
        var nothing = await feed.ReadAsync(new EventFilter(), null, position, Cancel);

        // It was visible to everyone, and skipping the held one would have lost it.
        Assert.Empty(meanwhile.Rows);
        Assert.Equal(["held", "later"], afterwards);
        Assert.Empty(nothing.Rows);
    }

    [Fact]
    public async Task With_many_writers_readers_that_reconnect_anywhere_see_every_event_once()
    {
        const int Writers = 6;
        const int Groups = 20;
        await using var database = await postgres.CreateDatabaseAsync();
        await using var first = await StartAsync(database);
        await using var second = await StartAsync(database);
        WebApplication[] replicas = [first, second];
        var random = new Random(20261130);
        var writing = Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(() => WriteAsync(database, writer, Groups), Cancel)));

        // The writers may be ahead of it.
        var (seen, position) = (new List<string>(), "1.00000000000000000000000000000000");
        while (seen.Count < Writers * Groups * 3)
        {
            using var http = Client(replicas[random.Next(2)], Key);
            await using var stream = await EventStream.OpenAsync(http, Events, position);
            for (var left = random.Next(1, 40); left > 0 && seen.Count < Writers * Groups * 3; left--)
            {
                seen.Add(Text(await stream.ReadAsync(), "jobId")!);
            }

            position = stream.Position;
        }

        await writing;
        Assert.Equal(await database.QueryAsync("select job_id from webhook_events order by 1"), seen.Order(StringComparer.Ordinal));
        Assert.Equal(seen.Count, seen.Distinct().Count());
    }

    [Theory]
    [InlineData("?type=video.completed", new[] { "b" })]
    [InlineData("?job=c", new[] { "c" })]
    [InlineData("?late=true", new[] { "d" })]
    [InlineData("?since=2026-11-23T12:00:00Z", new[] { "a", "b", "c", "d" })]
    [InlineData("?since=2026-11-23T12:00:00Z&type=video.started&late=false", new[] { "a", "c" })]
    public async Task It_is_filtered(string query, string[] jobs)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);
        await using var open = query.StartsWith("?since", StringComparison.Ordinal) ? null : await EventStream.OpenAsync(http, Events + query);
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "a")));
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", "b")));
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "c")));
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "d") with { Late = true }));
        await using var since = open is null ? await EventStream.OpenAsync(http, Events + query) : null;

        Assert.Equal(jobs, await (open ?? since)!.ReadJobsAsync(jobs.Length));
    }

    [Fact]
    public async Task Since_leaves_out_what_was_committed_before()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);
        foreach (var (job, at) in new[] { ("old", "11:00:00"), ("skewed", "11:59:50"), ("new", "12:00:01") })
        {
            await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", job)));
            await database.ExecuteAsync($"update webhook_events set processed_at = '2026-11-23 {at}Z' where job_id = '{job}'");
        }

        await using var stream = await EventStream.OpenAsync(http, $"{Events}?since=2026-11-23T12:00:00Z");

        Assert.Equal(["new"], await stream.ReadJobsAsync(1));
    }

    [Fact]
    public async Task A_rare_type_among_many_is_reached_page_by_page()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var reader = new OperationsDatabase(NpgsqlDataSource.Create(database.ConnectionString));
        var feed = new EventFeed(reader);
        var start = await feed.FindEndAsync(Cancel);
        await database.ExecuteAsync(Insert($"select 'video.started', 'j' || i from generate_series(1, {EventFeed.MaxPage + 500}) i"));
        await database.ExecuteAsync(Insert("select 'rare', 'r'"));

        var (found, _) = await ReadRowsAsync(feed, new EventFilter { Type = "rare" }, start, 1);
        var first = await feed.ReadAsync(new EventFilter { Type = "rare" }, null, start, Cancel);

        Assert.Equal((0, true), (first.Rows.Count, first.IsFull));
        Assert.Equal(["r"], found);
    }

    [Fact]
    public async Task A_job_is_shown_as_it_is_and_after_each_of_its_events_without_what_needs_the_right_raw()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartWithRightsAsync(database, "read");
        using var http = Client(app, Key);
        await database.RegisterAsync(Owners.Register("team/1"));
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "team/1")));
        await using var stream = await EventStream.OpenAsync(http, "/jobs/team%2F1/stream");

        var before = await stream.ReadAsync();
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "another")));
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event(
            """{"type":"video.completed","payload":{"id":"team/1","downloads":[{"url":"https://files.example.com/a.mp4?sig=secret"}]} }""")));
        var after = await stream.ReadAsync();
        await using var again = await EventStream.OpenAsync(http, "/jobs/team%2F1/stream", stream.Position);
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.deleted", "team/1")));

        Assert.Equal(("team/1", "rendering"), (Text(before, "jobId"), Text(before, "status")));
        Assert.Equal("completed", Text(after, "status"));
        Assert.DoesNotContain("secret", $"{after}", StringComparison.Ordinal);
        Assert.DoesNotContain("ada@", $"{before}", StringComparison.Ordinal);
        Assert.Equal(3, (await again.ReadAsync()).GetProperty("events").GetArrayLength());
    }

    [Fact]
    public async Task A_silent_stream_has_heartbeats_and_ends_after_a_quarter_of_an_hour()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var app = await StartInAsync("Production", database.ConnectionString, [Key], time);
        using var http = Client(app, Key);
        await using var stream = await EventStream.OpenAsync(http, Events);

        await using var clock = new Timer(_ => time.Advance(TimeSpan.FromSeconds(5)), null, TimeSpan.Zero, TimeSpan.FromMilliseconds(10));
        await stream.NextAsync();
        await stream.NextAsync();
        await stream.ReadToEndAsync();

        Assert.Equal(3, stream.Heartbeats);
    }

    [Fact]
    public async Task Streams_end_when_the_process_stops()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);
        await using var stream = await EventStream.OpenAsync(http, Events);

        app.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();

        await stream.ReadToEndAsync();
    }

    [Fact]
    public async Task A_stream_too_many_is_unavailable_until_another_ends()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartInAsync("Production", database.ConnectionString, [Key], settings: [new("Operations:MaxStreams", "1")]);
        using var http = Client(app, Key);
        await using (await EventStream.OpenAsync(http, Events))
        {
            using var refused = await EventStream.SendAsync(http, "/jobs/j/stream");
            var problem = await AssertProblemAsync(HttpStatusCode.ServiceUnavailable, refused);
            Assert.Equal("5", $"{refused.Headers.RetryAfter}");
            Assert.Contains("Operations__MaxStreams", Text(problem, "detail"), StringComparison.Ordinal);
        }

        // The server notices at its next write, or earlier.
        HttpStatusCode status;
        do
        {
            using var answer = await EventStream.SendAsync(http, Events);
            status = answer.StatusCode;
        }
        while (status is HttpStatusCode.ServiceUnavailable);

        Assert.Equal(HttpStatusCode.OK, status);
    }

    [Theory]
    [InlineData(Events, "yesterday", HttpStatusCode.BadRequest)]
    [InlineData(Events, "1.0", HttpStatusCode.BadRequest)]
    [InlineData(Events, "18446744073709551615.00000000000000000000000000000000", HttpStatusCode.Gone)]
    [InlineData("/jobs/j/stream", "-1.00000000000000000000000000000000", HttpStatusCode.BadRequest)]
    [InlineData($"{Events}?typ=video.completed", null, HttpStatusCode.BadRequest)]
    [InlineData($"{Events}?after=yesterday", null, HttpStatusCode.BadRequest)]
    [InlineData($"{Events}?since=yesterday", null, HttpStatusCode.BadRequest)]
    public async Task What_is_wrong_is_a_problem(string path, string? position, HttpStatusCode status)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);

        using var answer = await EventStream.SendAsync(http, path, position);

        await AssertProblemAsync(status, answer);
    }

    [Fact]
    public async Task A_stream_ends_when_the_database_fails_and_resumes_where_it_ended()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var app = await StartAsync(database);
        using var http = Client(app, Key);
        await using var stream = await EventStream.OpenAsync(http, Events);

        await postgres.CloseAsync(database);
        await stream.ReadToEndAsync();
        using var meanwhile = await EventStream.SendAsync(http, Events, stream.Position);
        await postgres.OpenAsync(database);
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "a")));
        await using var again = await EventStream.OpenAsync(http, Events, stream.Position);
        await using var byAddress = await EventStream.OpenAsync(http, $"{Events}?after={stream.Position}");

        await AssertProblemAsync(HttpStatusCode.ServiceUnavailable, meanwhile);
        Assert.Equal(["a"], await again.ReadJobsAsync(1));
        Assert.Equal(["a"], await byAddress.ReadJobsAsync(1));
    }

    /// <summary>
    /// Reads the jobs of the next events. Transactions of the tests beside this one delay them, since a server numbers those of all its databases.
    /// </summary>
    private static async Task<(List<string> Jobs, FeedPosition Position)> ReadRowsAsync(EventFeed feed, EventFilter filter, FeedPosition position, int count)
    {
        var jobs = new List<string>();
        while (jobs.Count < count)
        {
            var page = await feed.ReadAsync(filter, null, position, Cancel);
            jobs.AddRange(page.Rows.Select(row => row.Item!.JobId));
            position = page.Position;
        }

        return (jobs, position);
    }

    private static async Task WriteAsync(TestDatabase database, int writer, int groups)
    {
        for (var i = 0; i < groups; i++)
        {
            // Transactions of different length overlap.
            await using var connection = await database.Source.OpenConnectionAsync(Cancel);
            await using var transaction = await connection.BeginTransactionAsync(Cancel);
            await InsertAsync(connection, $"{writer}-{i}-a");
            await InsertAsync(connection, $"{writer}-{i}-b");
            await using (var pause = new NpgsqlCommand($"select pg_sleep({(writer + i) % 5} * 0.003)", connection))
            {
                await pause.ExecuteNonQueryAsync(Cancel);
            }

            await InsertAsync(connection, $"{writer}-{i}-c");
            await transaction.CommitAsync(Cancel);
        }
    }

    private static async Task InsertAsync(NpgsqlConnection connection, string job)
    {
        await using var command = new NpgsqlCommand(Insert($"select 'video.started', '{job}'"), connection);
        await command.ExecuteNonQueryAsync(Cancel);
    }

    private static string Insert(string rows) =>
        $"""
        insert into webhook_events (event_id, event_type, job_id, received_at, sent_at, processed_at, late, origin, secret_name, delivery_id, body_sha256)
        select gen_random_uuid(), type, job, now(), now(), now(), false, 'live', '0', gen_random_uuid(), '\x00' from ({rows}) as rows (type, job)
        """;
}
