using System.Text.Json;
using Platform.LocalStack;
using Processor.Worker.Notifications;

namespace Processor.Worker.Tests;

/// <summary>From the row to the receiver: again and again, for a day, and once in effect.</summary>
public sealed class DeliveringNotificationsTests(PostgresFixture postgres)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_receiver_that_fails_three_times_is_asked_four_times_with_growing_gaps()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var telling = new Telling(database);
        using var channel = telling.Webhooks(receiver.Target);
        using var dispatcher = telling.Dispatch(channel);
        await EndAsync(database, "j", receiver.Url);
        receiver.AnswerWith(500, 500, 500, 200);

        var gaps = new List<TimeSpan>();
        for (var attempt = 1; attempt <= 4; attempt++)
        {
            gaps.Add(await telling.TurnToNextAttemptAsync());
            Assert.Equal(1, await Telling.TellDueAsync(dispatcher));
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
        using var telling = new Telling(database);
        using var channel = telling.Webhooks(receiver.Target);
        using var dispatcher = telling.Dispatch(channel);
        await EndAsync(database, "j", receiver.Url);
        receiver.AnswerWith(410);

        await telling.TurnToNextAttemptAsync();
        await Telling.TellDueAsync(dispatcher);
        telling.Time.Advance(TimeSpan.FromDays(2));

        Assert.Equal(0, await Telling.TellDueAsync(dispatcher));
        Assert.Equal(["parked 1 HTTP 410"], await database.QueryAsync("select concat_ws(' ', status, attempts, last_error) from notifications"));
    }

    [Fact]
    public async Task After_a_day_it_is_given_up()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var telling = new Telling(database);
        using var channel = telling.Webhooks(receiver.Target);
        using var dispatcher = telling.Dispatch(channel);
        await EndAsync(database, "j", receiver.Url);
        receiver.AnswerWith(503);

        var began = telling.Time.GetUtcNow();
        while ((await database.QueryAsync("select 1 from notifications where status = 'pending'")).Length > 0)
        {
            await telling.TurnToNextAttemptAsync();
            Assert.Equal(1, await Telling.TellDueAsync(dispatcher));
        }

        Assert.InRange(receiver.Received.Count, 12, 18);
        Assert.InRange(telling.Time.GetUtcNow() - began, TimeSpan.FromHours(14), TimeSpan.FromHours(24));
        Assert.Equal(["completed webhook parked"], await database.NotificationsAsync());
    }

    [Fact]
    public async Task What_nobody_has_sent_within_a_day_is_parked_unsent()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var telling = new Telling(database);
        using var channel = telling.Webhooks(receiver.Target);
        using var dispatcher = telling.Dispatch(channel);
        await EndAsync(database, "j", receiver.Url, "ada@example.com");

        telling.Time.Advance(TimeSpan.FromHours(25));

        Assert.Equal(0, await Telling.TellDueAsync(dispatcher));
        Assert.Equal(["completed email parked", "completed webhook parked"], await database.NotificationsAsync());
        Assert.Empty(receiver.Received);
    }

    [Fact]
    public async Task What_died_while_it_was_sent_comes_back_after_its_lease_under_the_same_id()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var telling = new Telling(database);
        using var channel = telling.Webhooks(receiver.Target);
        using var dispatcher = telling.Dispatch(channel);
        await EndAsync(database, "j", receiver.Url);
        telling.Time.Advance(TimeSpan.FromMinutes(1));

        // Sent, and then the process dies before it can write that down.
        var notice = Assert.Single(await telling.Queue.ClaimAsync("webhook", 10, TimeSpan.FromMinutes(10), Cancel));
        Assert.Equal(DeliveryOutcome.Delivered, (await channel.SendAsync(notice, Cancel)).Outcome);
        Assert.Equal(0, await Telling.TellDueAsync(dispatcher));
        await telling.TurnToNextAttemptAsync();

        Assert.Equal(1, await Telling.TellDueAsync(dispatcher));
        Assert.Equal(2, receiver.Received.Count);
        Assert.Single(receiver.Received.Select(webhook => webhook.Id).Distinct());
        Assert.Equal(["completed webhook delivered"], await database.NotificationsAsync());
    }

    [Fact]
    public async Task Several_workers_share_what_is_due()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var telling = new Telling(database);
        using var channel = telling.Webhooks(receiver.Target);
        for (var i = 0; i < 200; i++)
        {
            await EndAsync(database, $"job-{i}", receiver.Url);
        }

        telling.Time.Advance(TimeSpan.FromMinutes(1));
        var workers = Enumerable.Range(0, 4).Select(_ => telling.Dispatch(channel)).ToArray();
        var told = await Task.WhenAll(workers.Select(Telling.TellDueAsync));

        Assert.Equal(200, told.Sum());
        Assert.Equal(200, receiver.Received.Select(webhook => webhook.Id).Distinct().Count());
        Assert.Equal(200, receiver.Received.Count);
        Array.ForEach(workers, worker => worker.Dispose());
    }

    [Fact]
    public async Task A_mail_goes_to_the_address_that_was_corrected_meanwhile_and_to_none_that_was_taken_away()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var telling = new Telling(database);
        using var channel = telling.Webhooks(receiver.Target);
        using var dispatcher = telling.Dispatch(channel);
        await EndAsync(database, "corrected", "http://localhost:1/wrong");
        await EndAsync(database, "withdrawn", receiver.Url);
        await database.RegisterAsync(Owners.Register("corrected", email: null, receiver.Url, Deliveries.Noon.AddSeconds(1)));
        await database.RegisterAsync(Owners.Register("withdrawn", email: null, webhookUrl: null, Deliveries.Noon.AddSeconds(1)));

        telling.Time.Advance(TimeSpan.FromMinutes(1));
        await Telling.TellDueAsync(dispatcher);

        using var body = JsonDocument.Parse(Assert.Single(receiver.Received).Body);
        Assert.Equal("corrected", body.RootElement.GetProperty("data").GetProperty("jobId").GetString());
        Assert.Equal(
            ["corrected delivered", "withdrawn parked"],
            await database.QueryAsync("select job_id || ' ' || status from notifications order by 1"));
    }

    [Fact]
    public async Task A_mail_server_that_is_away_for_an_hour_loses_nothing_and_delays_no_webhook()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var folder = await TestFolder.CreateAsync(Cancel);
        var mail = await SmtpServer.StartAsync(folder.Path, folder.Daemons, Cancel);
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var telling = new Telling(database);
        using var webhooks = telling.Webhooks(receiver.Target);
        using var mails = telling.Email(mail.Port);
        using var byMail = telling.Dispatch(mails);
        using var byWebhook = telling.Dispatch(webhooks);
        await mail.Process.KillAsync(Cancel);
        await EndAsync(database, "j", receiver.Url, "ada@example.com");
        var began = telling.Time.GetUtcNow();
        telling.Time.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal(1, await Telling.TellDueAsync(byWebhook));
        while (telling.Time.GetUtcNow() < began.AddHours(1))
        {
            Assert.Equal(1, await Telling.TellDueAsync(byMail));
            Assert.Equal(["completed email pending", "completed webhook delivered"], await database.NotificationsAsync());
            await telling.TurnToNextAttemptAsync();
        }

        await mail.Process.StartAsync(Cancel);
        Assert.Equal(1, await Telling.TellDueAsync(byMail));
        Assert.Single(mail.Mails);
        Assert.Equal(["completed email delivered", "completed webhook delivered"], await database.NotificationsAsync());
    }

    /// <summary>A job that has ended, and its owner.</summary>
    private static async Task EndAsync(TestDatabase database, string jobId, string? webhookUrl, string? email = null)
    {
        await database.RegisterAsync(Owners.Register(jobId, email, webhookUrl));
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", jobId)));
    }
}
