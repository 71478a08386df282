using Platform.DevStack;

namespace Processor.Worker.Tests;

/// <summary>From the row to the mail server, whatever the server's state.</summary>
public sealed class DeliveringMailsTests(PostgresFixture postgres)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(ScriptedMailServer.Greeting, "554 5.7.1 connection refused, listed")]
    [InlineData("MAIL", "550 5.4.5 daily sending limit exceeded")]
    [InlineData("MAIL", "553 5.7.1 sender address not verified")]
    public async Task A_relay_that_refuses_everything_for_an_hour_parks_nothing(string step, string reply)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var server = new ScriptedMailServer();
        using var harness = new NotificationHarness(database);
        using var channel = harness.Email(server.Port);
        using var dispatcher = harness.Dispatch(channel);
        await database.EndAsync("j", webhookUrl: null, "ada@example.com");
        server.Script[step] = reply;
        var began = harness.Time.GetUtcNow();

        while (harness.Time.GetUtcNow() < began.AddHours(1))
        {
            await harness.TurnToNextAttemptAsync();
            Assert.Equal(1, await NotificationHarness.SendDueAsync(dispatcher));
            Assert.Equal(["completed email pending"], await database.NotificationsAsync());
        }

        server.Script.Clear();
        await harness.TurnToNextAttemptAsync();
        Assert.Equal(1, await NotificationHarness.SendDueAsync(dispatcher));
        Assert.Equal(["completed email delivered"], await database.NotificationsAsync());
        Assert.Single(server.Messages);
    }

    [Fact]
    public async Task An_hour_without_the_mail_server_loses_nothing_and_delays_no_webhook()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var folder = await TestFolder.CreateAsync(Cancel);
        var mail = await SmtpServer.StartAsync(folder.Path, folder.Daemons, Cancel);
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var harness = new NotificationHarness(database);
        using var webhooks = harness.Webhooks(receiver.Target);
        using var mails = harness.Email(mail.Port);
        using var byMail = harness.Dispatch(mails);
        using var byWebhook = harness.Dispatch(webhooks);
        await mail.Process.KillAsync(Cancel);
        await database.EndAsync("j", receiver.Url, "ada@example.com");
        var began = harness.Time.GetUtcNow();
        harness.Time.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal(1, await NotificationHarness.SendDueAsync(byWebhook));
        while (harness.Time.GetUtcNow() < began.AddHours(1))
        {
            Assert.Equal(1, await NotificationHarness.SendDueAsync(byMail));
            Assert.Equal(["completed email pending", "completed webhook delivered"], await database.NotificationsAsync());
            await harness.TurnToNextAttemptAsync();
        }

        await mail.Process.StartAsync(Cancel);
        Assert.Equal(1, await NotificationHarness.SendDueAsync(byMail));
        Assert.Single(mail.Mails);
        Assert.Equal(["completed email delivered", "completed webhook delivered"], await database.NotificationsAsync());
    }
}
