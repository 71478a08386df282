using System.Text.Json;
using Platform.DevStack;
using Processor.Worker.Notifications;

namespace Processor.Worker.Tests;

/// <summary>
/// A failed job completes after all: the last notification to its owner must be the correct one, with no unnecessary ones.
/// </summary>
public sealed class CorrectingAFailureTests(PostgresFixture postgres)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_notified_failure_is_corrected_once()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var harness = new NotificationHarness(database);
        using var channel = harness.Webhooks(receiver.Target);
        using var dispatcher = harness.Dispatch(channel);
        await database.RegisterAsync(Owners.Register("j", email: null, receiver.Url));
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.errored", "j")));
        harness.Time.Advance(TimeSpan.FromMinutes(1));
        await NotificationHarness.SendDueAsync(dispatcher);

        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", "j")));
        harness.Time.Advance(TimeSpan.FromMinutes(1));
        await NotificationHarness.SendDueAsync(dispatcher);

        var bodies = receiver.Received.Select(webhook => JsonDocument.Parse(webhook.Body).RootElement).ToArray();
        Assert.Equal(["job.failed", "job.completed"], bodies.Select(body => body.GetProperty("type").GetString()));
        Assert.Equal([false, true], bodies.Select(body => body.GetProperty("data").GetProperty("correctsFailure").GetBoolean()));
        Assert.Equal(["completed webhook delivered", "failed webhook delivered"], await database.NotificationsAsync());
    }

    [Fact]
    public async Task A_failure_that_was_not_notified_yet_is_superseded_by_the_completion()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var harness = new NotificationHarness(database);
        using var channel = harness.Webhooks(receiver.Target);
        using var dispatcher = harness.Dispatch(channel);
        await database.RegisterAsync(Owners.Register("j", email: null, receiver.Url));
        await database.CommitAsync(
            Deliveries.Unit(Deliveries.Event("video.errored", "j")), Deliveries.Unit(Deliveries.Event("video.completed", "j")));

        harness.Time.Advance(TimeSpan.FromMinutes(1));
        await NotificationHarness.SendDueAsync(dispatcher);

        using var body = JsonDocument.Parse(Assert.Single(receiver.Received).Body);
        Assert.False(body.RootElement.GetProperty("data").GetProperty("correctsFailure").GetBoolean());
        Assert.Equal(["completed webhook delivered", "failed webhook superseded"], await database.NotificationsAsync());
    }

    [Fact]
    public async Task The_correction_waits_for_the_notification_in_flight()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var harness = new NotificationHarness(database);
        using var channel = harness.Webhooks(receiver.Target);
        using var dispatcher = harness.Dispatch(channel);
        await database.RegisterAsync(Owners.Register("j", email: null, receiver.Url));
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.errored", "j")));
        harness.Time.Advance(TimeSpan.FromMinutes(1));
        var onItsWay = Assert.Single(await harness.Queue.ClaimAsync("webhook", 10, TimeSpan.FromMinutes(10), Cancel));
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", "j")));
        harness.Time.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal(0, await NotificationHarness.SendDueAsync(dispatcher));
        await harness.Settler.SettleAsync(AttemptResult.From(onItsWay, Delivery.Delivered, harness.Time.GetUtcNow()));

        Assert.Equal(1, await NotificationHarness.SendDueAsync(dispatcher));
        Assert.Equal(["completed webhook delivered", "failed webhook delivered"], await database.NotificationsAsync());
    }
}
