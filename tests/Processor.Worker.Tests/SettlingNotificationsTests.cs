using Microsoft.Extensions.Logging;
using Npgsql;
using Platform.DevStack;
using Processor.Worker.Notifications;

namespace Processor.Worker.Tests;

/// <summary>Results of attempts are recorded even when one of them fails; a notification without a recorded result is sent again.</summary>
public sealed class SettlingNotificationsTests(PostgresFixture postgres)
{
    // Only a wait for a lock could take longer, and that would never end.
    private static readonly TimeSpan Soon = TimeSpan.FromMinutes(2);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_that_cannot_be_written_down_does_not_keep_the_others_from_it()
    {
        await using var database = await postgres.CreateDueAsync(32);
        using var harness = new NotificationHarness(database);
        var claimed = await harness.Queue.ClaimAsync("webhook", 32, TimeSpan.FromMinutes(1), Cancel);
        await database.ExecuteAsync(
            $"""
            create function refuse() returns trigger language plpgsql as $$ begin raise exception 'this notification is poison'; end $$;
            create trigger refuse before update on notifications for each row when (new.job_id = '{claimed[16].JobId}') execute function refuse();
            """);

        await SettleTogetherAsync(database, harness, claimed);

        Assert.Equal((31, 1), (await CountAsync(database, "delivered"), await CountAsync(database, "sending")));
    }

    [Fact]
    public async Task A_short_database_outage_is_retried()
    {
        await using var database = await postgres.CreateDueAsync(1);
        using var harness = new NotificationHarness(database);
        var claimed = await harness.Queue.ClaimAsync("webhook", 1, TimeSpan.FromMinutes(1), Cancel);
        await postgres.CloseAsync(database);

        var settling = Settle(harness, claimed)[0];
        await UntilLoggedAsync(harness, 1);
        harness.Time.Advance(NotificationSettler.RetryInterval);
        await UntilLoggedAsync(harness, 2);
        await postgres.OpenAsync(database);
        harness.Time.Advance(NotificationSettler.RetryInterval);

        await settling.WaitAsync(Soon, Cancel);
        Assert.Equal(1, await CountAsync(database, "delivered"));
        Assert.Equal([LogLevel.Warning, LogLevel.Warning, LogLevel.Information], harness.SettlerLog.GetSnapshot().Select(line => line.Level));
    }

    [Fact]
    public async Task One_that_hangs_after_a_database_outage_has_no_more_time_than_another()
    {
        await using var database = await postgres.CreateDueAsync(1);
        using var harness = new NotificationHarness(database);
        var claimed = await harness.Queue.ClaimAsync("webhook", 1, TimeSpan.FromMinutes(1), Cancel);
        await postgres.CloseAsync(database);

        var settling = Settle(harness, claimed)[0];
        await UntilLoggedAsync(harness, 1);
        await postgres.OpenAsync(database);
        await using var held = await HoldAsync(database, claimed[0].JobId);
        harness.Time.Advance(NotificationSettler.RetryInterval);
        await UntilWaitingAsync(database, 1);
        harness.Time.Advance(NotificationSettler.WriteTime - NotificationSettler.RetryInterval);
        // The group is split, and the row is retried alone.
        await UntilLoggedAsync(harness, 2);
        await UntilWaitingAsync(database, 1);
        harness.Time.Advance(NotificationSettler.WriteTime);

        await settling.WaitAsync(Soon, Cancel);
        Assert.Equal(1, await CountAsync(database, "sending"));
    }

    [Fact]
    public async Task One_that_hangs_takes_no_longer_than_its_lease_allows_and_keeps_no_other_waiting()
    {
        await using var database = await postgres.CreateDueAsync(3);
        using var harness = new NotificationHarness(database);
        var claimed = await harness.Queue.ClaimAsync("webhook", 3, TimeSpan.FromMinutes(1), Cancel);
        await using var first = await HoldAsync(database, claimed[0].JobId);
        await using var second = await HoldAsync(database, claimed[1].JobId);

        var settling = Task.WhenAll(Settle(harness, claimed));
        await UntilWaitingAsync(database, 1);
        harness.Time.Advance(NotificationSettler.WriteTime);
        // The first one again, alone, and the others together.
        await UntilWaitingAsync(database, 2);
        harness.Time.Advance(NotificationSettler.WriteTime);
        await Waiting.UntilAsync("the third is written down", async () => await CountAsync(database, "delivered") == 1, Cancel);
        Assert.False(settling.IsCompleted);
        harness.Time.Advance(NotificationSettler.WriteTime);

        await settling.WaitAsync(Soon, Cancel);
        Assert.Equal((1, 2), (await CountAsync(database, "delivered"), await CountAsync(database, "sending")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Of_two_attempts_of_one_notification_that_which_was_delivered_counts(bool isLateFirst)
    {
        await using var database = await postgres.CreateDueAsync(1);
        using var harness = new NotificationHarness(database);
        var late = Assert.Single(await harness.Queue.ClaimAsync("webhook", 1, TimeSpan.FromMinutes(1), Cancel));
        harness.Time.Advance(TimeSpan.FromMinutes(2));
        var last = Assert.Single(await harness.Queue.ClaimAsync("webhook", 1, TimeSpan.FromMinutes(1), Cancel));
        AttemptResult[] group =
        [
            AttemptResult.From(last, Delivery.Failed("HTTP 500"), harness.Time.GetUtcNow()), AttemptResult.From(late, Delivery.Delivered, harness.Time.GetUtcNow()),
        ];

        await harness.Queue.SettleAsync(isLateFirst ? group.Reverse() : group, Cancel);

        Assert.Equal(["completed webhook delivered"], await database.NotificationsAsync());
    }

    [Fact]
    public void Of_several_attempts_that_failed_the_last_counts()
    {
        var notification = NotificationHarness.NotificationDelivery("https://example.com");
        var other = notification with { JobId = "other" };
        var attempts = new[] { notification with { Attempt = 2 }, notification with { Attempt = 3 }, notification, other };

        var settled = AttemptResult.OnePerNotification(attempts.Select(attempt => AttemptResult.From(attempt, Delivery.Failed("HTTP 500"), Deliveries.Noon)));

        Assert.Equal([(notification.JobId, 3), ("other", 1)], settled.Select(one => (one.NotificationDelivery.JobId, one.NotificationDelivery.Attempt)));
    }

    [Fact]
    public async Task Rows_are_taken_in_the_order_of_their_keys_so_that_two_workers_cannot_wait_for_each_other()
    {
        await using var database = await postgres.CreateDueAsync(2);
        using var harness = new NotificationHarness(database);
        var claimed = await harness.Queue.ClaimAsync("webhook", 2, TimeSpan.FromMinutes(1), Cancel);
        var backwards = claimed.OrderByDescending(notification => notification.JobId, StringComparer.Ordinal)
            .Select(notification => AttemptResult.From(notification, Delivery.Delivered, harness.Time.GetUtcNow())).ToArray();

        Task settling;
        await using (await HoldAsync(database, "job-0"))
        {
            settling = harness.Queue.SettleAsync(backwards, Cancel);
            await UntilWaitingAsync(database, 1);

            // It waits for the first row and so does not have the other yet.
            await (await HoldAsync(database, "job-1")).DisposeAsync();
        }

        await settling;
        Assert.Equal(2, await CountAsync(database, "delivered"));
    }

    [Fact]
    public async Task What_is_written_down_at_this_moment_is_not_parked_as_left_behind()
    {
        await using var database = await postgres.CreateDueAsync(2);
        using var harness = new NotificationHarness(database);
        harness.Time.Advance(TimeSpan.FromHours(25));

        await using (await HoldAsync(database, "job-0"))
        {
            Assert.Equal(1, await harness.Queue.ParkExpiredAsync(Cancel).WaitAsync(Soon, Cancel));
        }

        Assert.Equal(1, await harness.Queue.ParkExpiredAsync(Cancel));
    }

    /// <summary>The others accumulate while the first is delayed.</summary>
    private static async Task SettleTogetherAsync(TestDatabase database, NotificationHarness harness, IReadOnlyList<NotificationDelivery> claimed)
    {
        Task settling;
        await using (await HoldAsync(database, claimed[0].JobId))
        {
            settling = Task.WhenAll(Settle(harness, claimed));
            await UntilWaitingAsync(database, 1);
        }

        await settling;
    }

    private static Task[] Settle(NotificationHarness harness, IReadOnlyList<NotificationDelivery> claimed) =>
        [.. claimed.Select(notification => harness.Settler.SettleAsync(AttemptResult.From(notification, Delivery.Delivered, harness.Time.GetUtcNow())))];

    /// <summary>Locks the row of a job's notification until disposed.</summary>
    /// <exception cref="PostgresException">Another session holds the lock.</exception>
    private static async Task<IAsyncDisposable> HoldAsync(TestDatabase database, string jobId)
    {
        var connection = await database.Source.OpenConnectionAsync(Cancel);
        var transaction = await connection.BeginTransactionAsync(Cancel);
        await using var command = new NpgsqlCommand($"select from notifications where job_id = '{jobId}' for update nowait", connection, transaction);
        await command.ExecuteNonQueryAsync(Cancel);
        return new Hold(connection, transaction);
    }

    private static Task UntilWaitingAsync(TestDatabase database, int statements) => Waiting.UntilAsync(
        $"{statements} statements wait for a row",
        async () => await database.QueryAsync(
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'") is [var waiting] && waiting == $"{statements}",
        Cancel);

    private static Task UntilLoggedAsync(NotificationHarness harness, int lines) => Waiting.UntilAsync(
        $"{lines} lines of the settler", () => Task.FromResult(harness.SettlerLog.Count == lines), Cancel);

    private static async Task<int> CountAsync(TestDatabase database, string status) =>
        int.Parse((await database.QueryAsync($"select count(*) from notifications where status = '{status}'"))[0], null);

    private sealed class Hold(NpgsqlConnection connection, NpgsqlTransaction transaction) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await transaction.RollbackAsync();
            await connection.DisposeAsync();
        }
    }
}
