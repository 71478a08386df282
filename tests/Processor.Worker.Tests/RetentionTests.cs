using Processor.Worker.Inbox;
using Processor.Worker.Retention;

namespace Processor.Worker.Tests;

/// <summary>What has expired is dropped; what is not done stays, however old.</summary>
public sealed class RetentionTests(PostgresFixture postgres)
{
    [Fact]
    public async Task Every_table_is_as_large_as_its_window_and_no_larger_however_long_the_platform_runs()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var retaining = new Retaining(database, Retaining.Shortest);
        await Retaining.CreatePartitionsAsync(database, days: 61);
        var sizes = new List<string>();

        for (var day = 60; day >= 0; day--)
        {
            retaining.Time.SetDaysAgo(day);
            await DayAsync(retaining, day);
            await retaining.DropAsync();
            sizes.Add((await database.QueryAsync(
                """
                select format('%s bodies, %s quarantined, %s notifications, %s events, %s identities',
                    (select count(*) from webhook_bodies), (select count(*) from quarantined_events), (select count(*) from notifications),
                    (select count(*) from webhook_events), (select count(*) from inbox_state))
                """))[0]);
        }

        // Three events, a quarantined body and a notification a day, and the day on which a window begins.
        Assert.Equal("24 bodies, 15 quarantined, 11 notifications, 135 events, 150 identities", sizes[^1]);
        Assert.Single(sizes[45..].Distinct());
        Assert.Equal(7, (await Retaining.OldPartitionsAsync(database)).Length);
        Assert.Equal(["61"], await database.QueryAsync("select count(*) from jobs"));
    }

    [Fact]
    public async Task What_is_unprocessed_pending_or_parked_stays_however_old()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var retaining = new Retaining(database, Retaining.Shortest);
        retaining.Time.SetDaysAgo(100);
        await retaining.CommitAsync("video.started", "rendering");
        foreach (var status in new[] { "pending", "sending", "parked", "delivered", "superseded" })
        {
            await retaining.CommitAsync("video.completed", status);
            await retaining.NotifyAsync(status, status);
        }

        await retaining.CommitAsync("video.started", "took long");
        await retaining.CommitAsync("project.archived", "no job");
        await database.ExecuteAsync($"insert into job_checks select 'rendering', 'video', 'waiting', now(), now(), 0, 0, 0");
        retaining.Time.SetDaysAgo(43);
        await retaining.CommitAsync("video.completed", "took long");
        retaining.Time.SetDaysAgo(13);
        await retaining.QuarantineAsync("{}");
        retaining.Time.SetDaysAgo(0);

        var counted = await retaining.CountAsync();
        var dropped = await retaining.DropAsync();

        Assert.Equal(["parked", "pending", "sending"], await database.QueryAsync("select job_id from notifications order by 1"));
        Assert.Equal(
            ["parked", "pending", "rendering", "sending", "took long", "took long"], await database.QueryAsync("select job_id from webhook_events order by 1"));
        Assert.Equal(["7"], await database.QueryAsync("select count(*) from inbox_state"));
        Assert.Equal(["1"], await database.QueryAsync("select count(*) from quarantined_events"));
        Assert.Equal(["7"], await database.QueryAsync("select count(*) from jobs"));
        Assert.Equal(["8"], await database.QueryAsync("select count(*) from outbox_message"));
        Assert.Equal(["rendering"], await database.QueryAsync("select job_id from job_checks"));
        Assert.Equal((2, 3, 3), (dropped["notifications"], dropped["webhook_events"], dropped["inbox_state"]));
        Assert.True(dropped.Remove("inbox_state"));
        Assert.Equal(dropped, counted);
    }

    [Fact]
    public async Task An_identity_is_known_as_long_as_its_message_may_arrive()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var retaining = new Retaining(database, Retaining.Shortest);
        retaining.Time.SetDaysAgo(43);
        var received = Deliveries.Event("video.completed", "j", retaining.Time.GetUtcNow());
        await retaining.CommitAsync(Deliveries.Unit(received));
        retaining.Time.SetDaysAgo(0);
        var dropped = await retaining.DropAsync();

        var outcomes = await retaining.CommitAsync(Deliveries.Unit(received));

        Assert.DoesNotContain("inbox_state", dropped.Keys);
        Assert.Equal([CommitOutcome.Duplicate], outcomes);
        Assert.Equal(["1"], await database.QueryAsync("select count(*) from outbox_message"));
    }

    [Fact]
    public async Task A_window_of_zero_keeps_everything()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var retaining = new Retaining(
            database, new RetentionOptions { Bodies = TimeSpan.Zero, Quarantine = TimeSpan.Zero, Notifications = TimeSpan.Zero, Events = TimeSpan.Zero });
        retaining.Time.SetDaysAgo(3000);
        await retaining.CommitAsync("video.completed", "j");
        await retaining.NotifyAsync("j", "delivered");
        await retaining.QuarantineAsync("{}");
        retaining.Time.SetDaysAgo(0);

        Assert.Empty(await retaining.CountAsync());
        Assert.Empty(await retaining.DropAsync());
    }

    [Fact]
    public async Task A_run_says_what_it_has_dropped_of_each_table()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var retaining = new Retaining(database, Retaining.Shortest);
        await Retaining.CreatePartitionsAsync(database, days: 51);
        retaining.Time.SetDaysAgo(50);
        await retaining.CommitAsync("video.started", "j");
        await retaining.CommitAsync("video.completed", "j");
        await retaining.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", "of a day without a partition", retaining.Time.GetUtcNow().AddDays(-9))));
        await retaining.QuarantineAsync("{}");
        await retaining.NotifyAsync("j", "delivered");
        await database.ExecuteAsync(
            $"""
            insert into delivery_attempts values (gen_random_uuid(), 1, now() - interval '45 days'), (gen_random_uuid(), 1, now() - interval '43 days');
            insert into retention_runs values (gen_random_uuid(), 'all', now() - interval '801 days', '0', 0);
            insert into audit_log (at, who, action, target, outcome)
            values (now() - interval '8 days', 'ada', 'raw', 'j', 'done'), (now() - interval '6 days', 'ada', 'raw', 'j', 'done');
            insert into replays (id, created_at, created_by, reason, filter, events, notifications, new_ids, per_second, status, examined, published, notified, finished_at)
            select gen_random_uuid(), now() - interval '9 days', 'ada', '-', '{"{}"}', true, false, false, 1, status, 0, 0, 0, finished_at
            from (values ('completed', now() - interval '8 days'), ('completed', now() - interval '6 days'), ('running', null)) as one (status, finished_at)
            """);
        retaining.Time.SetDaysAgo(0);

        await retaining.RunAsync();

        Assert.Equal(
            [
                "all 16", "audit_log 1", "delivery_attempts 1", "inbox_state 4", "ingress_answers 0", "notifications 1", "publish_periods 0", "publish_sources 0",
                "quarantined_events 1", "received_numbers 0", "replays 1", "retention_runs 1", "webhook_bodies 3", "webhook_events 3",
            ],
            await database.QueryAsync(
                """
                select table_name || ' ' || dropped from retention_runs
                where run_id = (select run_id from retention_runs where table_name = 'inbox_state') and error is null
                order by table_name collate "C"
                """));
    }

    [Fact]
    public async Task Registering_a_job_again_after_its_notification_was_dropped_notifies_no_one()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var retaining = new Retaining(database, new RetentionOptions());
        retaining.Time.SetDaysAgo(91);
        await database.RegisterAsync(Owners.Register("j", email: null, webhookUrl: "https://example.com"));
        await retaining.CommitAsync("video.completed", "j");
        await database.ExecuteAsync("update notifications set status = 'delivered'");
        retaining.Time.SetDaysAgo(0);
        await retaining.CommitAsync("video.completed", "ended now");
        var dropped = await retaining.DropAsync();

        await database.RegisterAsync(Owners.Register("j", email: null, webhookUrl: "https://example.com/other", at: DateTimeOffset.UtcNow));
        await database.RegisterAsync(Owners.Register("ended now", email: null, webhookUrl: "https://example.com"));

        Assert.Equal(1, dropped["notifications"]);
        Assert.Equal(["ended now"], await database.QueryAsync("select job_id from notifications"));
    }

    // Of each day: a job with its events, one of them repeated from days before, a body that is none, and a notification.
    private static async Task DayAsync(Retaining retaining, int day)
    {
        var now = retaining.Time.GetUtcNow();
        await retaining.CommitAsync(
            Deliveries.Unit(Deliveries.Event("video.started", $"job-{day}", now)),
            Deliveries.Unit(Deliveries.Event("video.completed", $"job-{day}", now)),
            Deliveries.Unit(Deliveries.Event("project.archived", $"job-{day}", now)));
        await retaining.QuarantineAsync($"{{{day}");
        await retaining.NotifyAsync($"job-{day}", "delivered");
        if (day < 45)
        {
            // As late as a message can be.
            Assert.Equal([CommitOutcome.Duplicate], await retaining.CommitAsync("video.completed", $"job-{day + 15}"));
        }
    }
}
