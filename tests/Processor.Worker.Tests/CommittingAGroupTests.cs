using Microsoft.EntityFrameworkCore;
using Npgsql;
using Processor.Worker.Events;
using Processor.Worker.Inbox;
using Processor.Worker.Jobs;
using Processor.Worker.Outbox;

namespace Processor.Worker.Tests;

/// <summary>One transaction for many messages, on a real database.</summary>
public sealed class CommittingAGroupTests(PostgresFixture postgres)
{
    [Fact]
    public async Task An_event_is_stored_with_its_body_its_job_and_its_domain_event()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var received = Deliveries.Event(
            """{"type":"video.completed","payload":{"id":"j","name":"A","downloads":[{"url":"https://v/1.mp4","expires_at":"2026-11-24T12:00:00.000Z"}]}}""");

        var outcomes = await database.CommitAsync(Deliveries.Unit(received));

        Assert.Equal([CommitOutcome.New], outcomes);
        await using var context = database.OpenContext();
        var stored = await context.Set<WebhookEvent>().SingleAsync(TestContext.Current.CancellationToken);
        Assert.Equal((received.EventId, "video.completed", "j", false), (stored.EventId, stored.EventType, stored.JobId, stored.Late));
        Assert.Equal(received.BodySha256, Convert.ToHexStringLower(stored.BodySha256));
        var body = await context.Set<WebhookBody>().SingleAsync(TestContext.Current.CancellationToken);
        Assert.Equal(received.Body.ToArray(), body.Body.ToArray());
        var job = await context.Set<Job>().SingleAsync(TestContext.Current.CancellationToken);
        Assert.Equal(("j", JobStatus.Completed, "https://v/1.mp4", Deliveries.Noon), (job.MagicHourId, job.Status, job.DownloadUrl, job.CompletedAt));
        var outbox = await context.Set<OutboxMessage>().SingleAsync(TestContext.Current.CancellationToken);
        Assert.Equal((received.EventId, "JobCompleted"), (outbox.MessageId, outbox.MessageType));
        Assert.Equal(received.EventId, (await context.Set<InboxState>().SingleAsync(TestContext.Current.CancellationToken)).MessageId);
    }

    [Fact]
    public async Task A_redelivered_message_between_two_new_ones_harms_neither()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var known = Deliveries.Event("video.started", "known");
        await database.CommitAsync(Deliveries.Unit(known));

        var outcomes = await database.CommitAsync(
            Deliveries.Unit(Deliveries.Event("video.started", "new-1")),
            Deliveries.Unit(known),
            Deliveries.Unit(Deliveries.Event("video.started", "new-2")));

        Assert.Equal([CommitOutcome.New, CommitOutcome.Duplicate, CommitOutcome.New], outcomes);
        Assert.Equal(["known", "new-1", "new-2"], await database.QueryAsync("select magic_hour_id from jobs order by 1"));
        Assert.Equal(["3"], await database.QueryAsync("select count(*) from outbox_message"));
    }

    [Fact]
    public async Task All_units_are_stored_or_none()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await RefuseJobAsync(database, "poison");

        var failure = await Assert.ThrowsAsync<PostgresException>(() => database.CommitAsync(
            Deliveries.Unit(Deliveries.Event("video.started", "good")), Deliveries.Unit(Deliveries.Event("video.started", "poison"))));

        Assert.Equal("P0001", failure.SqlState);
        Assert.Equal(["0"], await database.QueryAsync(
            """
            select (select count(*) from inbox_state) + (select count(*) from webhook_events) + (select count(*) from jobs)
                + (select count(*) from outbox_message)
            """));
    }

    [Fact]
    public async Task Other_bodies_of_an_event_are_kept_as_variants_eight_bodies_at_most()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        for (var i = 0; i < 12; i++)
        {
            var body = $$"""{"type":"video.completed","payload":{"id":"j","name":"{{i}}"} }""";
            var outcomes = await database.CommitAsync(Deliveries.Unit(Deliveries.Event(body, Deliveries.Noon.AddSeconds(i))));
            Assert.Equal(i switch { 0 => CommitOutcome.New, < 8 => CommitOutcome.Variant, _ => CommitOutcome.Duplicate }, outcomes[0]);
            Assert.Equal([CommitOutcome.Duplicate], await database.CommitAsync(Deliveries.Unit(Deliveries.Event(body, Deliveries.Noon.AddSeconds(i)))));
        }

        Assert.Equal(["0", "1", "2", "3", "4", "5", "6", "7"], await database.QueryAsync("select variant from webhook_bodies order by 1"));
        Assert.Equal(["0"], await database.QueryAsync("select name from jobs"));
        Assert.Equal(["1"], await database.QueryAsync("select count(*) from outbox_message"));
    }

    [Fact]
    public async Task A_download_that_expires_later_reaches_the_job_and_no_one_is_notified_again()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        foreach (var day in new[] { 24, 26, 25 })
        {
            await database.CommitAsync(Deliveries.Unit(Deliveries.Event(
                $$$"""{"type":"video.completed","payload":{"id":"j","downloads":[{"url":"https://v/1.mp4?t={{{day}}}","expires_at":"2026-11-{{{day}}}T12:00:00.000Z"}]}}""",
                Deliveries.Noon.AddHours(day))));
        }

        Assert.Equal(["https://v/1.mp4?t=26"], await database.QueryAsync("select download_url from jobs"));
        Assert.Equal(["2026-11-26T12:00:00.000Z"], await database.QueryAsync("select downloads -> 0 ->> 'expires_at' from jobs"));
        Assert.Equal(["1"], await database.QueryAsync("select count(*) from outbox_message"));
    }

    [Fact]
    public async Task An_unknown_type_is_stored_and_changes_no_job()
    {
        await using var database = await postgres.CreateDatabaseAsync();

        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("project.deleted", "j")));

        Assert.Equal(["project.deleted"], await database.QueryAsync("select event_type from webhook_events"));
        Assert.Equal(["0"], await database.QueryAsync("select (select count(*) from jobs) + (select count(*) from outbox_message)"));
    }

    [Fact]
    public async Task What_is_no_event_is_kept_once()
    {
        await using var database = await postgres.CreateDatabaseAsync();

        var first = await database.CommitAsync(Deliveries.Unit(Deliveries.NoEvent("""{"type":"a"}""")));
        var again = await database.CommitAsync(Deliveries.Unit(Deliveries.NoEvent("""{"type":"a"}""")));
        await database.CommitAsync(Deliveries.Unit(Deliveries.NoEvent("")));

        Assert.Equal((CommitOutcome.Quarantined, CommitOutcome.Duplicate), (first[0], again[0]));
        Assert.Equal(["", """{"type":"a"}"""], await database.QueryAsync("select convert_from(body, 'UTF8') from quarantined_events order by 1"));
    }

    [Fact]
    public async Task A_status_that_somebody_else_has_written_is_not_lowered()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.ExecuteAsync(
            "insert into jobs (magic_hour_id, resource, status, created_at, updated_at) values ('j', 'video', 'canceled', '2020-01-01Z', '2020-01-01Z')");

        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "j")));
        Assert.Equal(["canceled 2020"], await database.QueryAsync("select status || ' ' || extract(year from created_at) from jobs"));
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", "j")));
        Assert.Equal(["completed 2020"], await database.QueryAsync("select status || ' ' || extract(year from created_at) from jobs"));
    }

    [Fact]
    public async Task Copies_that_are_committed_at_the_same_moment_take_effect_once()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var events = Enumerable.Range(0, 20).SelectMany(job => new[]
        {
            Deliveries.Event("video.started", $"job-{job}"),
            Deliveries.Event("video.completed", $"job-{job}", Deliveries.Noon.AddSeconds(1)),
        }).ToArray();

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 16).Select(copy =>
        {
            var shuffled = events.OrderBy(received => (received.JobId, received.EventType, copy).GetHashCode());
            return database.CommitAsync([.. shuffled.Select(Deliveries.Unit)]);
        }));

        Assert.Equal(events.Length, outcomes.SelectMany(outcome => outcome).Count(outcome => outcome is CommitOutcome.New));
        Assert.Equal(["20"], await database.QueryAsync("select count(*) from jobs where status = 'completed' and started_at is not null"));
        Assert.Equal(["40"], await database.QueryAsync("select count(*) from outbox_message"));
    }

    [Fact]
    public async Task Events_of_one_job_that_are_committed_at_the_same_moment_see_each_other()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        for (var round = 0; round < 25; round++)
        {
            await Task.WhenAll(new[] { "started", "errored", "completed" }.Select(action =>
                database.CommitAsync(Deliveries.Unit(Deliveries.Event($"video.{action}", $"job-{round}")))));
        }

        Assert.Equal(["25"], await database.QueryAsync(
            "select count(*) from jobs where status = 'completed' and started_at is not null and failed_at is not null and completed_at is not null"));
    }

    [Fact]
    public async Task The_jobs_of_a_shuffled_history_are_the_plain_fold_of_it()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var random = new Random(7);
        var history = Enumerable.Range(0, 400).Select(i =>
        {
            var type = new[] { "video.started", "video.completed", "video.errored", "image.completed" }[random.Next(4)];
            var name = random.Next(3) == 0 ? "null" : $"\"{random.Next(3)}\"";
            return Deliveries.Event(
                $$"""{"type":"{{type}}","payload":{"id":"{{random.Next(40)}}","name":{{name}}} }""", Deliveries.Noon.AddMilliseconds(i));
        }).ToArray();
        var arrivals = history.Concat(history.Take(200)).ToArray();
        random.Shuffle(arrivals);

        await Parallel.ForEachAsync(
            arrivals.Chunk(25),
            new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = TestContext.Current.CancellationToken },
            async (chunk, _) =>
            {
                for (var rest = chunk.ToList(); rest.Count > 0;)
                {
                    var group = rest.DistinctBy(received => received.EventId).ToList();
                    await database.CommitAsync([.. group.Select(Deliveries.Unit)]);
                    rest = [.. rest.Except(group)];
                }
            });

        await using var context = database.OpenContext();
        var jobs = await context.Set<Job>().ToDictionaryAsync(job => job.MagicHourId, PlainFold.Print, TestContext.Current.CancellationToken);
        Assert.Equal(PlainFold.FromDeliveries(history), new SortedDictionary<string, string>(jobs, StringComparer.Ordinal));
    }

    internal static Task RefuseJobAsync(TestDatabase database, string jobId) => database.ExecuteAsync(
        $"""
        create function refuse() returns trigger language plpgsql as $$ begin raise exception 'this event is poison'; end $$;
        create trigger refuse before insert on webhook_events for each row when (new.job_id = '{jobId}') execute function refuse();
        """);
}
