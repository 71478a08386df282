using System.Text.Json.Nodes;
using Npgsql;
using Processor.Worker.Inbox;
using Processor.Worker.Jobs;
using Processor.Worker.Notifications;
using Processor.Worker.Outbox;

namespace Processor.Worker.Tests;

/// <summary>
/// Signed events with more data about a job than real events have. Rows and notifications are bounded; the body is stored whole.
/// </summary>
public sealed class HostileJobsTests(PostgresFixture postgres)
{
    // As many as one body can carry.
    private const int Many = 42_361;

    [Fact]
    public async Task Of_too_many_downloads_the_first_are_kept_and_the_row_says_so()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var received = Deliveries.Event(Body("many", string.Join(',', Enumerable.Range(0, Many).Select(i => $$"""{"url":"h/{{i}}"}"""))));

        await database.CommitAsync(Deliveries.Unit(received));

        Assert.Equal(["100 h/0 h/99 true"], await database.QueryAsync(
            "select concat_ws(' ', jsonb_array_length(downloads), downloads->0->>'url', downloads->99->>'url', downloads_cut::text) from jobs"));
        Assert.Equal(["100"], await database.QueryAsync("select jsonb_array_length(fact->'downloads') from webhook_events"));
        Assert.Equal([$"{received.Body.Length}"], await database.QueryAsync("select length(body) from webhook_bodies"));
        var published = await database.QueryAsync("select length(body::text) from outbox_message");
        Assert.True(int.Parse(Assert.Single(published), null) < 20_000, published[0]);
    }

    [Fact]
    public async Task A_download_whose_url_is_too_long_is_left_out_and_the_row_says_so()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var longest = new string('u', JobLimits.Url);

        await database.CommitAsync(Deliveries.Unit(Deliveries.Event(Body(
            "long", $$"""{"url":"{{longest}}","expires_at":"{{new string('9', 1000)}}"},{"url":"{{longest}}u"}"""))));

        Assert.Equal([$"1 {JobLimits.Url} true"], await database.QueryAsync(
            "select concat_ws(' ', jsonb_array_length(downloads), length(downloads->0->>'url'), downloads->0->>'expires_at', downloads_cut::text) from jobs"));
    }

    [Fact]
    public async Task The_urls_of_a_job_are_bounded_together()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var url = new string('u', 2000);

        await database.CommitAsync(Deliveries.Unit(Deliveries.Event(Body("sum", string.Join(',', Enumerable.Range(0, 90).Select(i => $$"""{"url":"{{url}}{{i}}"}"""))))));

        Assert.Equal(["16 true"], await database.QueryAsync("select jsonb_array_length(downloads) || ' ' || downloads_cut from jobs"));
    }

    [Fact]
    public async Task A_group_whose_jobs_are_too_large_to_be_read_together_is_committed_one_by_one()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var jobs = Enumerable.Range(0, 3).Select(i => $"job-{i}").ToArray();
        await database.CommitAsync([.. jobs.Select(job => Deliveries.Unit(Deliveries.Event("video.completed", job)))]);
        // A row from a version without limits.
        await database.ExecuteAsync($"update webhook_events set fact = jsonb_set(fact, '{{name}}', to_jsonb(repeat('n', {GroupTransaction.MostKnown / 2})))");
        await using var committer = new RunningCommitter(database);
        var commits = jobs.Select(job => committer.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", job)))).ToArray();

        await committer.StartAsync();

        Assert.All(await Task.WhenAll(commits), outcome => Assert.Equal(CommitOutcome.New, outcome));
        Assert.Equal(["3"], await database.QueryAsync("select count(distinct xmin::text) from webhook_events where event_type = 'video.started'"));
    }

    [Fact]
    public async Task The_outbox_takes_no_more_bytes_at_once_than_it_may()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.CommitAsync([.. Enumerable.Range(0, 10).Select(i => Deliveries.Unit(Deliveries.Event("video.completed", $"job-{i}")))]);
        var one = int.Parse((await database.QueryAsync("select max(octet_length(body::text)) from outbox_message"))[0], null);

        Assert.Equal(3, await TakeAsync(database, limit: 10, bytes: 3 * one + 5));
        Assert.Equal(2, await TakeAsync(database, limit: 2, bytes: int.MaxValue));
        Assert.Equal(1, await TakeAsync(database, limit: 10, bytes: 1));
        Assert.Equal(4, await TakeAsync(database, limit: 10, bytes: int.MaxValue));
    }

    [Fact]
    public async Task A_real_job_is_not_cut()
    {
        await using var database = await postgres.CreateDatabaseAsync();

        await database.CommitAsync(Deliveries.Unit(Deliveries.Event(Body("real", string.Join(',', Enumerable.Range(0, 16).Select(i => $$"""{"url":"h/{{i}}"}"""))))));

        Assert.Equal(["16 false"], await database.QueryAsync("select jsonb_array_length(downloads) || ' ' || downloads_cut from jobs"));
        Assert.Equal(["0"], await database.QueryAsync("select count(*) from webhook_events where fact ? 'cut'"));
    }

    [Fact]
    public async Task Other_bodies_of_the_event_do_not_add_up_to_more()
    {
        await using var database = await postgres.CreateDatabaseAsync();

        for (var body = 0; body < 12; body++)
        {
            await database.CommitAsync(Deliveries.Unit(Deliveries.Event(
                Body("grows", string.Join(',', Enumerable.Range(0, 60).Select(i => $$"""{"url":"h/{{body}}/{{i}}"}"""))), Deliveries.Noon.AddSeconds(body))));
        }

        Assert.Equal(["100 h/0/0 true"], await database.QueryAsync(
            "select concat_ws(' ', jsonb_array_length(downloads), downloads->0->>'url', downloads_cut::text) from jobs"));
        Assert.Equal(["100"], await database.QueryAsync("select jsonb_array_length(fact->'downloads') from webhook_events"));
    }

    [Fact]
    public async Task Names_and_errors_are_cut_and_not_within_an_emoji()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var text = new string('n', JobLimits.Text - 1) + "🎬🎬";

        await database.CommitAsync(Deliveries.Unit(Deliveries.Event(
            $$$"""{"type":"video.errored","payload":{"id":"j","name":"{{{text}}}","type":"{{{text}}}","error":{"code":"{{{text}}}","message":"{{{text}}}"} } }""")));

        Assert.Equal(
            [$"{JobLimits.Text - 1} {JobLimits.Code} {JobLimits.Code} {JobLimits.Text - 1}"],
            await database.QueryAsync("select concat_ws(' ', length(name), length(project_type), length(error_code), length(error_message)) from jobs"));
    }

    [Fact]
    public void A_row_from_before_there_were_limits_is_notified_within_them()
    {
        var notification = NotificationHarness.NotificationDelivery("http://127.0.0.1/") with
        {
            Downloads = [.. Enumerable.Range(0, Many).Select(i => new VisibleDownload($"https://videos.magichour.ai/{i}", null))],
        };

        var webhook = JsonNode.Parse(OutgoingWebhook.Write(notification, "http://127.0.0.1:80"))!;

        Assert.Equal(JobLimits.Downloads, webhook["data"]!["downloads"]!.AsArray().Count);
    }

    private static async Task<int> TakeAsync(TestDatabase database, int limit, int bytes)
    {
        await using var connection = await database.Source.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var batch = new NpgsqlBatch(connection) { BatchCommands = { OutboxMessage.TakeOldest(limit, bytes) } };
        return await batch.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    private static string Body(string jobId, string downloads) =>
        $$"""{"type":"video.completed","payload":{"id":"{{jobId}}","downloads":[{{downloads}}]} }""";
}
