using FsCheck.Fluent;
using Platform.Contracts;

namespace Processor.Worker.Tests;

/// <summary><c>jobs</c> is computed from the stored events again, and whatever differs is named or written.</summary>
public sealed class RebuildingJobsTests(PostgresFixture postgres)
{
    private const string Rows = "select row_to_json(jobs)::text from jobs order by magic_hour_id";

    private const string Completed =
        """
        {"type":"video.completed","payload":{"id":"j","name":"secret name","type":"FACE_SWAP","credits_charged":5,
         "downloads":[{"url":"https://v/secret.mp4?t=1","expires_at":"2026-11-24T12:00:00.1234567Z"},{"url":"https://v/2.mp4","expires_at":null}]} }
        """;

    [Fact]
    public async Task Whatever_was_committed_in_whatever_order_the_rows_are_what_the_events_say()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        foreach (var (i, arrivals) in Arbitraries.Arrivals().Generator.Sample(60).Index())
        {
            await (i % 3 == 0 ? database.RegisterAsync(Owners.Register($"{i}-a", at: Deliveries.Noon.AddSeconds(i))) : Task.CompletedTask);
            foreach (var group in arrivals.Groups.SelectMany(group => ByEvent(i, group)))
            {
                await database.CommitAsync(group);
            }

            await (i % 2 == 0 ? database.RegisterAsync(Owners.Register($"{i}-a", at: Deliveries.Noon.AddSeconds(500 - i))) : Task.CompletedTask);
        }

        var before = await database.QueryAsync(Rows);
        var check = await database.CheckAsync();
        var rebuild = await database.RebuildAsync();

        Assert.True(before.Length > 60);
        Assert.True(check.IsClean, string.Join('\n', check.Lines));
        Assert.Equal(([], []), (check.Lines, rebuild.Lines));
        Assert.Equal(before, await database.QueryAsync(Rows));
    }

    [Theory]
    [InlineData("resource", "resource = 'audio'")]
    [InlineData("status", "status = 'rendering'")]
    [InlineData("status", "status = 'failed'")]
    [InlineData("project_type", "project_type = null")]
    [InlineData("name", "name = 'changed by hand'")]
    [InlineData("user_id", "user_id = 'someone'")]
    [InlineData("user_id", "user_id = null")]
    [InlineData("download_url", "download_url = 'https://v/other.mp4'")]
    [InlineData("downloads", "downloads = downloads - 1")]
    [InlineData("downloads_cut", "downloads_cut = true")]
    [InlineData("download_expires_at", "download_expires_at = download_expires_at + interval '1 us'")]
    [InlineData("error_code, error_message", "error_code = 'x', error_message = 'y'")]
    [InlineData("credits_charged", "credits_charged = credits_charged + 1")]
    [InlineData("created_at", "created_at = created_at + interval '1 us'")]
    [InlineData("started_at", "started_at = now()")]
    [InlineData("completed_at, updated_at", "completed_at = now(), updated_at = now()")]
    [InlineData("failed_at, canceled_at, deleted_at", "failed_at = now(), canceled_at = now(), deleted_at = now()")]
    public async Task What_was_changed_by_hand_is_named_by_its_column_and_written_again(string columns, string change)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.RegisterAsync(Owners.Register("j"));
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event(Completed)), Deliveries.Unit(Deliveries.Event("video.started", "other")));
        var before = await database.QueryAsync(Rows);
        await database.ExecuteAsync($"update jobs set {change} where magic_hour_id = 'j'");
        var changed = await database.QueryAsync(Rows);

        var check = await database.CheckAsync();
        var afterCheck = await database.QueryAsync(Rows);
        var rebuild = await database.RebuildAsync();

        Assert.Equal((false, true), (check.IsClean, rebuild.IsClean));
        Assert.Equal([$"differs  j  {columns}"], check.Lines);
        Assert.Equal(changed, afterCheck);
        Assert.Equal([$"rebuilt  j  {columns}"], rebuild.Lines);
        Assert.Equal(before, await database.QueryAsync(Rows));
        Assert.True((await database.CheckAsync()).IsClean);
    }

    [Theory]
    [InlineData("status", "status = 'completed'")]
    [InlineData("created_at", "created_at = created_at - interval '1 hour'")]
    public async Task What_an_event_could_not_undo_is_undone_too(string column, string change)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "j")));
        var before = await database.QueryAsync(Rows);
        await database.ExecuteAsync($"update jobs set {change}");

        var rebuild = await database.RebuildAsync();

        Assert.Equal([$"rebuilt  j  {column}"], rebuild.Lines);
        Assert.Equal(before, await database.QueryAsync(Rows));
    }

    [Fact]
    public async Task A_row_that_is_missing_is_created_with_its_owner()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.RegisterAsync(Owners.Register("j"));
        await database.RegisterAsync(Owners.Register("registered"));
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event(Completed)));
        var before = await database.QueryAsync(Rows);
        await database.ExecuteAsync("delete from jobs");

        var check = await database.CheckAsync();
        var rebuild = await database.RebuildAsync();

        Assert.Equal((false, true), (check.IsClean, rebuild.IsClean));
        Assert.Equal(["missing  j", "missing  registered"], check.Lines);
        Assert.Equal(before, await database.QueryAsync(Rows));
    }

    [Fact]
    public async Task Only_the_job_that_is_named_is_compared()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event(Completed)), Deliveries.Unit(Deliveries.Event("video.started", "other")));
        await database.ExecuteAsync("update jobs set name = 'x'");

        var rebuild = await database.RebuildAsync("other");
        var check = await database.CheckAsync("j");
        var unknown = await database.CheckAsync("unknown");

        Assert.Equal(["rebuilt  other  name"], rebuild.Lines);
        Assert.Equal(["differs  j  name"], check.Lines);
        Assert.Equal((false, "there is no job unknown"), (unknown.IsClean, unknown.Lines.Single()));
    }

    [Fact]
    public async Task A_job_whose_events_have_expired_keeps_its_row()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var retaining = new Retaining(database, Retaining.Shortest);
        retaining.Time.SetDaysAgo(50);
        await retaining.CommitAsync("video.completed", "ended");
        await retaining.CommitAsync("video.completed", "heard-again");
        await database.RegisterAsync(Owners.Register("ended", email: null));
        retaining.Time.SetDaysAgo(0);
        await retaining.DropAsync();
        await retaining.CommitAsync("video.started", "heard-again");
        var before = await database.QueryAsync(Rows);

        var check = await database.CheckAsync();
        var rebuild = await database.RebuildAsync();

        Assert.Equal(["video.started"], await database.QueryAsync("select event_type from webhook_events"));
        Assert.Equal((true, true), (check.IsClean, rebuild.IsClean));
        Assert.Equal(before, await database.QueryAsync(Rows));
    }

    [Theory]
    [InlineData("update webhook_events set fact = jsonb_set(fact, '{status}', '\"Paused\"')")]
    [InlineData("alter table jobs drop constraint jobs_status; update jobs set status = 'paused'")]
    public async Task What_a_newer_version_wrote_is_kept(string newer)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event(Completed)));
        await database.ExecuteAsync($"{newer}; update jobs set name = 'kept'");
        var before = await database.QueryAsync(Rows);

        var check = await database.CheckAsync();
        var rebuild = await database.RebuildAsync();

        Assert.True(check.IsClean);
        Assert.Equal(["kept     j  a newer version wrote it"], rebuild.Lines);
        Assert.Equal(before, await database.QueryAsync(Rows));
    }

    [Fact]
    public async Task The_login_of_the_role_consume_is_enough()
    {
        await using var logins = await RoleLogins.CreateAsync(postgres);
        await logins.Owner.RegisterAsync(Owners.Register("j"));
        await logins.Owner.CommitAsync(Deliveries.Unit(Deliveries.Event(Completed)));
        await logins.Owner.ExecuteAsync("update jobs set name = 'x'");

        var rebuild = await logins.Consume.RebuildAsync();

        Assert.Equal(["rebuilt  j  name"], rebuild.Lines);
        Assert.True((await logins.Owner.CheckAsync()).IsClean);
    }

    // As in the committer: a group has each event once. Every sample has jobs of its own.
    private static IEnumerable<Inbox.UnitOfWork[]> ByEvent(int sample, IReadOnlyList<WebhookReceived> group)
    {
        for (var rest = group.ToList(); rest.Count > 0;)
        {
            var distinct = rest.DistinctBy(received => received.EventId).ToList();
            yield return [.. distinct.Select(received => Deliveries.Unit(Renamed(received, sample)))];
            rest = [.. rest.Except(distinct)];
        }
    }

    private static WebhookReceived Renamed(WebhookReceived received, int sample)
    {
        var body = System.Text.Encoding.UTF8.GetString(received.Body.Span);
        return Deliveries.Event(body.Replace($"\"id\":\"{received.JobId}\"", $"\"id\":\"{sample}-{received.JobId}\"", StringComparison.Ordinal), received.ReceivedAt);
    }
}
