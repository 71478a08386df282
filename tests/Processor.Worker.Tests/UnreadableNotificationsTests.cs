using Platform.DevStack;

namespace Processor.Worker.Tests;

public sealed class UnreadableNotificationsTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_job_that_a_newer_version_has_written_keeps_no_other_owner_from_being_notified()
    {
        await using var receiver = await WebhookReceiver.StartAsync(TestContext.Current.CancellationToken);
        await using var database = await postgres.CreateDueAsync(count: 5, receiver.Url);
        using var harness = new NotificationHarness(database);
        using var channel = harness.WebhooksToLoopback();
        using var dispatcher = harness.Dispatch(channel);
        await database.ExecuteAsync("""update jobs set downloads = '{"of": "the future"}' where magic_hour_id = 'job-2'""");

        Assert.Equal(4, await NotificationHarness.SendDueAsync(dispatcher));
        Assert.Equal(["job-2"], await database.QueryAsync("select job_id from notifications where status = 'sending'"));
        await database.ExecuteAsync("update jobs set downloads = '[]' where magic_hour_id = 'job-2'");
        await harness.TurnToNextAttemptAsync();

        Assert.Equal(1, await NotificationHarness.SendDueAsync(dispatcher));
        Assert.Equal(["5"], await database.QueryAsync("select count(*) from notifications where status = 'delivered'"));
    }
}
