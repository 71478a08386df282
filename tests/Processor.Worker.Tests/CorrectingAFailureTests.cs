using System.Text.Json;
using Platform.LocalStack;
using Processor.Worker.Notifications;

namespace Processor.Worker.Tests;

/// <summary>A job that has failed completes after all: its owner must hear the truth last, and no more than they need.</summary>
public sealed class CorrectingAFailureTests(PostgresFixture postgres)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_failure_that_was_told_is_corrected_once()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var telling = new Telling(database);
        using var channel = telling.Webhooks(receiver.Target);
        using var dispatcher = telling.Dispatch(channel);
        await database.RegisterAsync(Owners.Register("j", email: null, receiver.Url));
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.errored", "j")));
        telling.Time.Advance(TimeSpan.FromMinutes(1));
        await Telling.TellDueAsync(dispatcher);

        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", "j")));
        telling.Time.Advance(TimeSpan.FromMinutes(1));
        await Telling.TellDueAsync(dispatcher);

        var bodies = receiver.Received.Select(webhook => JsonDocument.Parse(webhook.Body).RootElement).ToArray();
        Assert.Equal(["job.failed", "job.completed"], bodies.Select(body => body.GetProperty("type").GetString()));
        Assert.Equal([false, true], bodies.Select(body => body.GetProperty("data").GetProperty("correctsFailure").GetBoolean()));
        Assert.Equal(["completed webhook delivered", "failed webhook delivered"], await database.NotificationsAsync());
    }

    [Fact]
    public async Task A_failure_that_was_not_told_is_not_told_when_the_job_completes_after_all()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var telling = new Telling(database);
        using var channel = telling.Webhooks(receiver.Target);
        using var dispatcher = telling.Dispatch(channel);
        await database.RegisterAsync(Owners.Register("j", email: null, receiver.Url));
        await database.CommitAsync(
            Deliveries.Unit(Deliveries.Event("video.errored", "j")), Deliveries.Unit(Deliveries.Event("video.completed", "j")));

        telling.Time.Advance(TimeSpan.FromMinutes(1));
        await Telling.TellDueAsync(dispatcher);

        using var body = JsonDocument.Parse(Assert.Single(receiver.Received).Body);
        Assert.False(body.RootElement.GetProperty("data").GetProperty("correctsFailure").GetBoolean());
        Assert.Equal(["completed webhook delivered", "failed webhook superseded"], await database.NotificationsAsync());
    }

    [Fact]
    public async Task The_correction_waits_for_the_news_that_is_on_its_way()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var telling = new Telling(database);
        using var channel = telling.Webhooks(receiver.Target);
        using var dispatcher = telling.Dispatch(channel);
        await database.RegisterAsync(Owners.Register("j", email: null, receiver.Url));
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.errored", "j")));
        telling.Time.Advance(TimeSpan.FromMinutes(1));
        var onItsWay = Assert.Single(await telling.Queue.ClaimAsync("webhook", 10, TimeSpan.FromMinutes(10), Cancel));
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", "j")));
        telling.Time.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal(0, await Telling.TellDueAsync(dispatcher));
        await telling.Settler.SettleAsync(Settlement.Of(onItsWay, Delivery.Delivered, telling.Time.GetUtcNow()));

        Assert.Equal(1, await Telling.TellDueAsync(dispatcher));
        Assert.Equal(["completed webhook delivered", "failed webhook delivered"], await database.NotificationsAsync());
    }
}
