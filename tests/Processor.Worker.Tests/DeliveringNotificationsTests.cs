using System.Text.Json;
using Platform.DevStack;
using Processor.Worker.Notifications;

namespace Processor.Worker.Tests;

/// <summary>From the row to the receiver: retried for a day, and effective once.</summary>
public sealed class DeliveringNotificationsTests(PostgresFixture postgres)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_receiver_that_fails_three_times_is_asked_four_times_with_growing_gaps()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var harness = new NotificationHarness(database);
        using var channel = harness.Webhooks(receiver.Target);
        using var dispatcher = harness.Dispatch(channel);
        await database.EndAsync("j", receiver.Url);
        receiver.AnswerWith(500, 500, 500, 200);

        var gaps = new List<TimeSpan>();
        for (var attempt = 1; attempt <= 4; attempt++)
        {
            gaps.Add(await harness.TurnToNextAttemptAsync());
            Assert.Equal(1, await NotificationHarness.SendDueAsync(dispatcher));
        }

        Assert.Equal(4, receiver.Received.Count);
        Assert.Single(receiver.Received.Select(webhook => webhook.Id).Distinct());
        Assert.Equal(4, receiver.Received.Select(webhook => webhook.Timestamp).Distinct().Count());
        Assert.True(gaps[1] >= TimeSpan.FromSeconds(5) && gaps[1] < gaps[2] && gaps[2] < gaps[3], string.Join(' ', gaps));
        Assert.Equal(["completed webhook delivered"], await database.NotificationsAsync());
        Assert.Equal(["4 HTTP 500"], await database.QueryAsync("select attempts || ' ' || last_error from notifications"));
    }

    [Fact]
    public async Task A_receiver_that_is_gone_is_not_asked_again()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var harness = new NotificationHarness(database);
        using var channel = harness.Webhooks(receiver.Target);
        using var dispatcher = harness.Dispatch(channel);
        await database.EndAsync("j", receiver.Url);
        receiver.AnswerWith(410);

        await harness.TurnToNextAttemptAsync();
        await NotificationHarness.SendDueAsync(dispatcher);
        harness.Time.Advance(TimeSpan.FromDays(2));

        Assert.Equal(0, await NotificationHarness.SendDueAsync(dispatcher));
        Assert.Equal(["parked 1 HTTP 410"], await database.QueryAsync("select concat_ws(' ', status, attempts, last_error) from notifications"));
    }

    [Fact]
    public async Task While_the_database_fails_it_is_polled_ever_more_rarely()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var harness = new NotificationHarness(database);
        using var channel = harness.Webhooks();
        using var dispatcher = harness.Dispatch(channel);
        await database.ExecuteAsync("alter table notifications rename to elsewhere");

        var pauses = new List<double>();
        for (var poll = 0; poll < 6; poll++)
        {
            pauses.Add(dispatcher.PauseAfter(await dispatcher.TryBeginDueAsync(Cancel)).TotalSeconds);
        }

        await database.ExecuteAsync("alter table elsewhere rename to notifications");
        pauses.Add(dispatcher.PauseAfter(await dispatcher.TryBeginDueAsync(Cancel)).TotalSeconds);
        await database.ExecuteAsync("alter table notifications rename to elsewhere");
        pauses.Add(dispatcher.PauseAfter(await dispatcher.TryBeginDueAsync(Cancel)).TotalSeconds);

        Assert.Equal([1, 2, 4, 8, 15, 15, 1, 1], pauses);
    }

    [Fact]
    public async Task After_a_day_it_is_given_up()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var harness = new NotificationHarness(database);
        using var channel = harness.Webhooks(receiver.Target);
        using var dispatcher = harness.Dispatch(channel);
        await database.EndAsync("j", receiver.Url);
        receiver.AnswerWith(503);

        var began = harness.Time.GetUtcNow();
        while ((await database.QueryAsync("select 1 from notifications where status = 'pending'")).Length > 0)
        {
            await harness.TurnToNextAttemptAsync();
            Assert.Equal(1, await NotificationHarness.SendDueAsync(dispatcher));
        }

        Assert.InRange(receiver.Received.Count, 12, 18);
        Assert.InRange(harness.Time.GetUtcNow() - began, TimeSpan.FromHours(14), TimeSpan.FromHours(24));
        Assert.Equal(["completed webhook parked"], await database.NotificationsAsync());
    }

    [Fact]
    public async Task A_notification_that_was_not_sent_within_a_day_is_parked()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var harness = new NotificationHarness(database);
        using var channel = harness.Webhooks(receiver.Target);
        using var dispatcher = harness.Dispatch(channel);
        await database.EndAsync("j", receiver.Url, "ada@example.com");

        harness.Time.Advance(TimeSpan.FromHours(25));

        Assert.Equal(0, await NotificationHarness.SendDueAsync(dispatcher));
        Assert.Equal(["completed email parked", "completed webhook parked"], await database.NotificationsAsync());
        Assert.Empty(receiver.Received);
    }

    [Fact]
    public async Task What_died_while_it_was_sent_comes_back_after_its_lease_under_the_same_id()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var harness = new NotificationHarness(database);
        using var channel = harness.Webhooks(receiver.Target);
        using var dispatcher = harness.Dispatch(channel);
        await database.EndAsync("j", receiver.Url);
        harness.Time.Advance(TimeSpan.FromMinutes(1));

        // Sent, and then the process dies before it can record that.
        var notification = Assert.Single(await harness.Queue.ClaimAsync("webhook", 10, TimeSpan.FromMinutes(10), Cancel));
        Assert.Equal(DeliveryOutcome.Delivered, (await channel.SendAsync(notification, Cancel)).Outcome);
        Assert.Equal(0, await NotificationHarness.SendDueAsync(dispatcher));
        await harness.TurnToNextAttemptAsync();

        Assert.Equal(1, await NotificationHarness.SendDueAsync(dispatcher));
        Assert.Equal(2, receiver.Received.Count);
        Assert.Single(receiver.Received.Select(webhook => webhook.Id).Distinct());
        Assert.Equal(["completed webhook delivered"], await database.NotificationsAsync());
    }

    [Fact]
    public async Task Several_workers_share_what_is_due()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var harness = new NotificationHarness(database);
        using var channel = harness.WebhooksToLoopback();
        for (var i = 0; i < 200; i++)
        {
            await database.EndAsync($"job-{i}", Owners.UrlOfTarget(receiver.Url, i));
        }

        harness.Time.Advance(TimeSpan.FromMinutes(1));
        var workers = Enumerable.Range(0, 4).Select(_ => harness.Dispatch(channel)).ToArray();
        var sent = await Task.WhenAll(workers.Select(NotificationHarness.SendDueAsync));

        Assert.Equal(200, sent.Sum());
        Assert.Equal(200, receiver.Received.Select(webhook => webhook.Id).Distinct().Count());
        Assert.Equal(200, receiver.Received.Count);
        Array.ForEach(workers, worker => worker.Dispose());
    }

    [Fact]
    public async Task A_mail_goes_to_the_corrected_address_and_not_to_a_removed_one()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var harness = new NotificationHarness(database);
        using var channel = harness.Webhooks(receiver.Target);
        using var dispatcher = harness.Dispatch(channel);
        await database.EndAsync("corrected", "http://localhost:1/wrong");
        await database.EndAsync("withdrawn", receiver.Url);
        await database.RegisterAsync(Owners.Register("corrected", email: null, receiver.Url, Deliveries.Noon.AddSeconds(1)));
        await database.RegisterAsync(Owners.Register("withdrawn", email: null, webhookUrl: null, Deliveries.Noon.AddSeconds(1)));

        harness.Time.Advance(TimeSpan.FromMinutes(1));
        await NotificationHarness.SendDueAsync(dispatcher);

        using var body = JsonDocument.Parse(Assert.Single(receiver.Received).Body);
        Assert.Equal("corrected", body.RootElement.GetProperty("data").GetProperty("jobId").GetString());
        Assert.Equal(
            ["corrected delivered", "withdrawn parked"],
            await database.QueryAsync("select job_id || ' ' || status from notifications order by 1"));
    }
}
