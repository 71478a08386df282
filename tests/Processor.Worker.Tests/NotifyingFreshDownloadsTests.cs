using System.Text.Json;
using Platform.DevStack;
using Processor.Worker.Downloads;

namespace Processor.Worker.Tests;

/// <summary>A notification whose URLs would expire soon gets fresh ones, or is sent as it is.</summary>
public sealed class NotifyingFreshDownloadsTests(PostgresFixture postgres)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(59, "fresh")]
    [InlineData(-59, "fresh")]
    [InlineData(90, "stored")]
    public async Task A_URL_with_less_than_an_hour_left_is_refreshed_before_it_is_sent(int minutesLeft, string sent)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var reconciler = await database.BeReconcilerAsync();
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var harness = new NotificationHarness(database);
        using var channel = harness.Webhooks(receiver.Target);
        using var dispatcher = harness.Dispatch(channel);
        harness.Time.Advance(TimeSpan.FromMinutes(1));
        await database.CompleteAsync("j", harness.Time.GetUtcNow().AddMinutes(minutesLeft), receiver.Url);
        // Someone else has just asked.
        var refreshes = new DownloadRefreshes(database.Source, harness.Time);
        await refreshes.RequestAsync("j", "video", Cancel);
        await refreshes.AnswerNextAsync(Refreshing.Offer("j", harness.Time.GetUtcNow().AddDays(1)));

        await NotificationHarness.SendDueAsync(dispatcher);

        Assert.Equal([Refreshing.Url("j", sent)], Sent(receiver));
    }

    [Fact]
    public async Task A_notification_waits_for_the_answer()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var reconciler = await database.BeReconcilerAsync();
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var harness = new NotificationHarness(database);
        using var channel = harness.Webhooks(receiver.Target);
        using var dispatcher = harness.Dispatch(channel);
        await CompleteAsync(database, harness, "j", receiver);

        await dispatcher.BeginDueAsync(Cancel);
        await new DownloadRefreshes(database.Source, harness.Time).AnswerNextAsync(Refreshing.Offer("j", harness.Time.GetUtcNow().AddDays(1)));
        await FinishAsync(dispatcher.FinishAsync(), harness);

        Assert.Equal([Refreshing.Url("j", "fresh")], Sent(receiver));
    }

    [Fact]
    public async Task Without_an_answer_it_is_sent_as_it_is_after_five_seconds_and_the_next_ones_do_not_wait()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var reconciler = await database.BeReconcilerAsync();
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var harness = new NotificationHarness(database);
        using var channel = harness.Webhooks(receiver.Target);
        using var dispatcher = harness.Dispatch(channel);
        await CompleteAsync(database, harness, "j", receiver);

        await dispatcher.BeginDueAsync(Cancel);
        var began = harness.Time.GetUtcNow();
        await FinishAsync(dispatcher.FinishAsync(), harness);
        var waited = harness.Time.GetUtcNow() - began;
        await CompleteAsync(database, harness, "k", receiver);
        await dispatcher.BeginDueAsync(Cancel);
        // The clock stands still.
        await dispatcher.FinishAsync().WaitAsync(TimeSpan.FromSeconds(30), TimeProvider.System, Cancel);

        Assert.True(waited >= TimeSpan.FromSeconds(4.5), $"{waited}");
        Assert.Equal([Refreshing.Url("j", "stored"), Refreshing.Url("k", "stored")], Sent(receiver));
        Assert.Equal(["completed webhook delivered", "completed webhook delivered"], await database.NotificationsAsync());
        Assert.Equal(["1", "1"], await database.QueryAsync("select attempts from notifications"));
    }

    [Theory]
    [InlineData(RefreshState.Unavailable)]
    [InlineData(RefreshState.NotOffered)]
    internal async Task When_Magic_Hour_fails_it_is_sent_as_it_is(RefreshState state)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var reconciler = await database.BeReconcilerAsync();
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var harness = new NotificationHarness(database);
        using var channel = harness.Webhooks(receiver.Target);
        using var dispatcher = harness.Dispatch(channel);
        await CompleteAsync(database, harness, "j", receiver);
        var refreshes = new DownloadRefreshes(database.Source, harness.Time);
        await refreshes.RequestAsync("j", "video", Cancel);
        await refreshes.AnswerNextAsync(new RefreshAnswer(state, "unavailable"));

        await NotificationHarness.SendDueAsync(dispatcher);

        Assert.Equal([Refreshing.Url("j", "stored")], Sent(receiver));
        Assert.Equal(["completed webhook delivered"], await database.NotificationsAsync());
    }

    [Fact]
    public async Task Without_a_reconciler_or_a_table_it_is_sent_as_it_is()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        using var harness = new NotificationHarness(database);
        using var channel = harness.Webhooks(receiver.Target);
        using var dispatcher = harness.Dispatch(channel);
        await CompleteAsync(database, harness, "j", receiver);
        await NotificationHarness.SendDueAsync(dispatcher);
        await database.ExecuteAsync("drop table download_refreshes");
        await CompleteAsync(database, harness, "k", receiver);

        await NotificationHarness.SendDueAsync(dispatcher);

        Assert.Equal([Refreshing.Url("j", "stored"), Refreshing.Url("k", "stored")], Sent(receiver));
        Assert.Equal(["completed webhook delivered", "completed webhook delivered"], await database.NotificationsAsync());
    }

    /// <summary>A job whose download expires in half an hour, with a notification that is due.</summary>
    private static async Task CompleteAsync(TestDatabase database, NotificationHarness harness, string jobId, WebhookReceiver receiver)
    {
        await database.CompleteAsync(jobId, harness.Time.GetUtcNow().AddMinutes(30), receiver.Url);
        await database.ExecuteAsync($"update notifications set next_attempt_at = '{harness.Time.GetUtcNow().AddSeconds(-1):O}' where job_id = '{jobId}'");
    }

    private static Task FinishAsync(Task finishing, NotificationHarness harness) => Waiting.UntilAsync(
        "the notification is sent",
        () =>
        {
            harness.Time.Advance(TimeSpan.FromMilliseconds(100));
            return Task.FromResult(finishing.IsCompleted);
        },
        Cancel);

    private static string?[] Sent(WebhookReceiver receiver) =>
    [
        .. receiver.Received.Select(webhook => JsonDocument.Parse(webhook.Body).RootElement.GetProperty("data").GetProperty("downloads")[0].GetProperty("url").GetString()),
    ];
}
