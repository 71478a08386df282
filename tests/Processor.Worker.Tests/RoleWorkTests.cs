using Microsoft.Extensions.Options;
using Npgsql;
using Platform.Contracts;
using Platform.DevStack;
using Processor.Worker.Backlog;
using Processor.Worker.Downloads;
using Processor.Worker.Inbox;
using Processor.Worker.Notifications;
using Processor.Worker.Outbox;
using Processor.Worker.Persistence;
using Processor.Worker.Reconciliation;
using Processor.Worker.Release;
using Processor.Worker.Retention;

namespace Processor.Worker.Tests;

/// <summary>Each role of the worker can run all of its database statements with its own login.</summary>
public sealed class RoleWorkTests(PostgresFixture postgres)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Consuming_claims_writes_publishes_and_registers()
    {
        await using var logins = await RoleLogins.CreateAsync(postgres);
        var consume = logins.Consume;
        var first = Deliveries.Event("video.completed", "j", DateTimeOffset.UtcNow);

        await consume.RegisterAsync(Owners.Register("j", webhookUrl: "https://example.com"));
        await consume.RegisterAsync(Owners.Register("j", webhookUrl: "https://example.com/other", at: DateTimeOffset.UtcNow));
        await RecordAttemptAsync(consume, first);
        await RecordAttemptAsync(consume, first);
        var suspect = Deliveries.Unit(first);
        suspect.IsSuspect = true;
        var outcomes = await consume.CommitAsync(suspect, Deliveries.Unit(Deliveries.NoEvent("{}")), Deliveries.Unit(Deliveries.Event("video.started", "j")));
        var again = await consume.CommitAsync(
            Deliveries.Unit(Deliveries.Event("""{"type":"video.completed","payload":{"id":"j","name":"another"} }""")), Deliveries.Unit(Deliveries.NoEvent("{}")));

        Assert.Equal([CommitOutcome.New, CommitOutcome.Quarantined, CommitOutcome.New], outcomes);
        Assert.Equal([CommitOutcome.Variant, CommitOutcome.Duplicate], again);
        Assert.Equal(["completed email pending", "completed webhook pending"], await logins.Owner.NotificationsAsync());
        Assert.Equal(["3"], await logins.Owner.QueryAsync("select count(*) from webhook_bodies"));
        Assert.Empty(await logins.Owner.QueryAsync("select message_id from delivery_attempts"));
        Assert.Equal(2, await PublishAsync(consume));
        Assert.Empty(await logins.Owner.QueryAsync("select id from outbox_message"));
    }

    [Fact]
    public async Task Consuming_makes_partitions_and_writes_into_them()
    {
        await using var logins = await RoleLogins.CreateAsync(postgres);
        var later = DateTimeOffset.UtcNow.AddDays(20);

        await logins.Consume.ExecuteAsync("select create_webhook_bodies_partitions(21)");
        await logins.Consume.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "later", later)));

        Assert.Equal([$"webhook_bodies_{later:yyyyMMdd}"], await logins.Owner.QueryAsync("select tableoid::regclass::text from webhook_bodies"));
    }

    [Fact]
    public async Task Consuming_accounts_for_what_arrives()
    {
        await using var logins = await RoleLogins.CreateAsync(postgres);
        var accounts = new Accounts(logins.Consume);

        await logins.Consume.CommitAsync(Accounts.Batch(1, 3));
        await accounts.ReportAsync(through: 3);
        await accounts.ReportAsync(through: 4, seconds: 20);
        await accounts.AddAsync();
        await logins.Owner.ExecuteAsync("update webhook_events set processed_at = now(); delete from webhook_events");
        await accounts.AddAsync();

        Assert.Equal(
            ["123456789abcdef 1-3 {[1,4)} {[1,4)} {} {} {[1,4)}", "123456789abcdef 4-4 {[4,5)} {} {} {} {}"], await new Accounts(logins.Api).PeriodsAsync());
    }

    [Fact]
    public async Task Consuming_drops_what_has_expired_and_the_api_reads_what_was_dropped()
    {
        await using var logins = await RoleLogins.CreateAsync(postgres);
        using var retaining = new Retaining(logins.Owner, Retaining.Shortest);
        await Retaining.CreatePartitionsAsync(logins.Owner, days: 51);
        retaining.Time.SetDaysAgo(50);
        await retaining.CommitAsync("video.completed", "j");
        await retaining.QuarantineAsync("{}");
        await retaining.NotifyAsync("j", "delivered");
        retaining.Time.SetDaysAgo(0);
        var run = retaining.Run(logins.Consume);

        await run.CountAsync(_ => { }, Cancel);
        var outcome = await run.RunAsync(retaining.Time.GetUtcNow(), _ => { }, Cancel);

        Assert.Equal(RunOutcome.Succeeded, outcome);
        Assert.Equal(["6"], await logins.Api.QueryAsync("select dropped from retention_runs where table_name = 'all' and dropped > 0"));
    }

    [Fact]
    public async Task What_is_quarantined_is_released_with_the_login_of_the_api()
    {
        await using var logins = await RoleLogins.CreateAsync(postgres);
        await logins.Owner.CommitAsync(Deliveries.Unit(Deliveries.NoEvent("{}")));
        var place = new QuarantinedBodies(logins.Api.Source, publisher: null!, TimeProvider.System);

        var count = await place.CountAsync(Cancel);
        var bodies = await place.ReadAsync(count, Cancel).SingleAsync(Cancel);
        await place.SettleAsync(bodies, [], Cancel);
        await using var forget = logins.Api.Source.CreateBatch();
        forget.BatchCommands.Add(DeliveryAttempt.Forget([Guid.NewGuid()]));
        await forget.ExecuteNonQueryAsync(Cancel);

        Assert.Equal(["0"], await logins.Owner.QueryAsync("select count(*) from quarantined_events"));
    }

    [Fact]
    public async Task Notifying_claims_sends_defers_settles_and_parks()
    {
        await using var logins = await RoleLogins.CreateAsync(postgres);
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var harness = new NotificationHarness(logins.Notify);
        using var channel = harness.Webhooks(receiver.Target);
        using var dispatcher = harness.Dispatch(channel);
        foreach (var job in new[] { "delivered", "deferred", "expired" })
        {
            await logins.Owner.EndAsync(job, receiver.Url);
        }

        await logins.Owner.ExecuteAsync(
            """
            update notifications set decided_at = now() - interval '2 days', next_attempt_at = now() - interval '1 day' where job_id = 'expired';
            update notifications set next_attempt_at = now() + interval '1 day' where job_id = 'deferred';
            """);
        // Advance to the time at which the first is due.
        harness.Time.Advance(TimeSpan.FromMinutes(1));
        await NotificationHarness.SendDueAsync(dispatcher);
        await logins.Owner.ExecuteAsync("update notifications set next_attempt_at = now() - interval '1 hour' where job_id = 'deferred'");
        var deferred = await harness.Queue.DeferAsync(channel, _ => new TargetWait(TimeSpan.FromHours(2), IsPaused: true), Cancel);

        Assert.Equal(1, deferred);
        Assert.Equal(
            ["deferred pending the target does not answer", "delivered delivered", "expired parked no worker sent it in time"],
            await logins.Owner.QueryAsync("select concat_ws(' ', job_id, status, last_error) from notifications order by job_id"));
    }

    [Fact]
    public async Task The_api_registers_and_shows_a_job()
    {
        await using var logins = await RoleLogins.CreateAsync(postgres);

        await logins.Api.RegisterAsync(Owners.Register("j"));
        await logins.Owner.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", "j")));
        await logins.Api.RegisterAsync(Owners.Register("j", webhookUrl: "https://example.com", at: DateTimeOffset.UtcNow));
        var job = await logins.Api.Jobs.FindAsync("j", Cancel);

        Assert.Equal(("completed", "https://example.com", 1), (job!.Status, job.WebhookUrl, job.Events.Count));
        Assert.Equal(["email", "webhook"], job.Notifications.Select(notification => notification.Channel));
    }

    [Fact]
    public async Task Reconciling_plans_finds_records_and_forgets()
    {
        await using var logins = await RoleLogins.CreateAsync(postgres);
        await logins.Owner.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "j")), Deliveries.Unit(Deliveries.Event("video.started", "ended")));
        var checks = new JobChecks(logins.Reconcile.Source, new CheckSchedule(TimeSpan.FromMinutes(2)), TimeProvider.System);

        var planned = await checks.PlanAsync(Cancel);
        await logins.Owner.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", "ended")));
        var due = Assert.Single(await checks.FindDueAsync(10, [], Cancel));
        await checks.RecordAsync(due.Check with { Kind = "image", State = CheckState.GivenUp, LastAnswer = "queued", Reported = "image.started" }, Cancel);
        await checks.ForgetEndedAsync(Cancel);

        Assert.Equal((2, "j"), (planned, due.Check.JobId));
        Assert.Equal(["j image given_up queued image.started"], await logins.Owner.QueryAsync("select concat_ws(' ', job_id, kind, state, last_answer, reported) from job_checks"));
    }

    [Fact]
    public async Task Fresh_downloads_are_requested_by_those_who_need_them_and_answered_by_the_reconciler()
    {
        await using var logins = await RoleLogins.CreateAsync(postgres);
        await using var held = await logins.Reconcile.BeReconcilerAsync();
        var (api, notify, reconcile) = (Refreshes(logins.Api), Refreshes(logins.Notify), Refreshes(logins.Reconcile));

        await api.RequestAsync("j", "video", Cancel);
        await notify.RequestAsync("k", "video", Cancel);
        await reconcile.AnswerNextAsync(new RefreshAnswer(RefreshState.NotOffered, "not_found"));
        await reconcile.RefuseAsync("unavailable", Cancel);
        var answers = (await notify.FindAsync("j", Cancel), await api.FindAsync("k", Cancel));
        // As if two minutes had passed, and then an hour.
        await logins.Owner.ExecuteAsync("update download_refreshes set requested_at = requested_at - interval '2 minutes', asked_at = null");
        var again = await api.RequestAsync("j", "video", Cancel);
        await logins.Owner.ExecuteAsync("update download_refreshes set requested_at = requested_at - interval '1 hour'");
        await reconcile.ForgetAsync(Cancel);

        Assert.Equal((new RefreshAnswer(RefreshState.NotOffered, "not_found"), new RefreshAnswer(RefreshState.Unavailable, "unavailable")), answers);
        Assert.Equal(new RefreshAnswer(RefreshState.Open), again);
        Assert.Empty(await logins.Owner.QueryAsync("select job_id from download_refreshes"));
    }

    [Theory]
    [InlineData("consume")]
    [InlineData("notify")]
    [InlineData("api")]
    [InlineData("reconcile")]
    public async Task Every_role_verifies_its_session_and_the_schema_and_reads_the_backlog(string role)
    {
        await using var logins = await RoleLogins.CreateAsync(postgres);
        await logins.Owner.EndAsync("j", "https://example.com");
        await logins.Owner.CommitAsync(Deliveries.Unit(Deliveries.NoEvent("{}")));
        var source = logins.Of(role).Source;

        await new DatabaseSession(source, Options.Create(new DatabaseOptions())).VerifyAsync(Cancel);
        var isCurrent = await PostgresFixture.Schema(source).IsCurrentAsync(Cancel);
        var backlog = await DatabaseBacklog.ReadAsync(source, DateTimeOffset.UtcNow, Cancel);
        var notifications = await NotificationBacklog.ReadAllAsync(source, DateTimeOffset.UtcNow, Cancel);
        var checks = await CheckBacklog.ReadAsync(source, DateTimeOffset.UtcNow, Cancel);
        var retention = await LastRetention.ReadAsync(source, DateTimeOffset.UtcNow, Cancel);
        var missing = await MissingEvents.ReadAsync(source, DateTimeOffset.UtcNow, TimeSpan.Zero, Cancel);

        Assert.True(isCurrent);
        Assert.InRange(retention.Age, TimeSpan.Zero, TimeSpan.FromDays(1));
        Assert.Equal(new CheckBacklog(0, TimeSpan.Zero, 0), checks);
        Assert.Equal(new MissingEvents(0, 0), missing);
        Assert.Equal((1, 1), (backlog.OutboxMessages, backlog.QuarantinedEvents));
        Assert.Equal(1, notifications.Sum(channel => channel.Waiting));
    }

    private static DownloadRefreshes Refreshes(TestDatabase login) => new(login.Source, TimeProvider.System);

    private static async Task RecordAttemptAsync(TestDatabase login, WebhookReceived received)
    {
        await using var connection = await login.Source.OpenConnectionAsync(Cancel);
        await using var command = DeliveryAttempt.Record(received.EventId, DateTimeOffset.UtcNow);
        command.Connection = connection;
        await command.ExecuteScalarAsync(Cancel);
    }

    /// <summary>As the dispatcher does it, without the broker.</summary>
    private static async Task<int> PublishAsync(TestDatabase login)
    {
        await using var connection = await login.Source.OpenConnectionAsync(Cancel);
        await using var transaction = await connection.BeginTransactionAsync(Cancel);
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands = { OutboxMessage.AllowIdle(TimeSpan.FromMinutes(1)), OutboxMessage.TakeOldest(10, int.MaxValue) },
        };
        var rows = await batch.ExecuteNonQueryAsync(Cancel);
        await transaction.CommitAsync(Cancel);
        return rows;
    }
}
