using Microsoft.Extensions.Logging;
using Npgsql;
using Platform.LocalStack;
using Processor.Worker.Notifications;

namespace Processor.Worker.Tests;

/// <summary>What became of attempts is written down, whatever happens to one of them: what is not is told once more.</summary>
public sealed class SettlingNotificationsTests(PostgresFixture postgres)
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_that_cannot_be_written_down_does_not_keep_the_others_from_it()
    {
        await using var database = await postgres.CreateDueAsync(32);
        using var telling = new Telling(database);
        var notices = await telling.Queue.ClaimAsync("webhook", 32, TimeSpan.FromMinutes(1), Cancel);
        await database.ExecuteAsync(
            $"""
            create function refuse() returns trigger language plpgsql as $$ begin raise exception 'this notification is poison'; end $$;
            create trigger refuse before update on notifications for each row when (new.job_id = '{notices[16].JobId}') execute function refuse();
            """);

        await SettleTogetherAsync(database, telling, notices);

        Assert.Equal((31, 1), (await CountAsync(database, "delivered"), await CountAsync(database, "sending")));
    }

    [Fact]
    public async Task While_the_database_is_away_for_a_moment_it_is_tried_again()
    {
        await using var database = await postgres.CreateDueAsync(1);
        using var telling = new Telling(database);
        var notices = await telling.Queue.ClaimAsync("webhook", 1, TimeSpan.FromMinutes(1), Cancel);
        await postgres.CloseAsync(database);

        var settling = Settle(telling, notices)[0];
        await UntilLoggedAsync(telling, 1);
        telling.Time.Advance(NotificationSettler.RetryInterval);
        await UntilLoggedAsync(telling, 2);
        await postgres.OpenAsync(database);
        telling.Time.Advance(NotificationSettler.RetryInterval);

        await settling.WaitAsync(Soon, Cancel);
        Assert.Equal(1, await CountAsync(database, "delivered"));
        Assert.Equal([LogLevel.Warning, LogLevel.Warning, LogLevel.Information], telling.SettlerLog.GetSnapshot().Select(line => line.Level));
    }

    [Fact]
    public async Task One_that_hangs_after_the_database_was_away_has_no_more_time_than_another()
    {
        await using var database = await postgres.CreateDueAsync(1);
        using var telling = new Telling(database);
        var notices = await telling.Queue.ClaimAsync("webhook", 1, TimeSpan.FromMinutes(1), Cancel);
        await postgres.CloseAsync(database);

        var settling = Settle(telling, notices)[0];
        await UntilLoggedAsync(telling, 1);
        await postgres.OpenAsync(database);
        await using var held = await HoldAsync(database, notices[0].JobId);
        telling.Time.Advance(NotificationSettler.RetryInterval);
        await UntilWaitingAsync(database, 1);
        telling.Time.Advance(NotificationSettler.WriteTime - NotificationSettler.RetryInterval);
        // It is split, and tried by itself.
        await UntilLoggedAsync(telling, 2);
        await UntilWaitingAsync(database, 1);
        telling.Time.Advance(NotificationSettler.WriteTime);

        await settling.WaitAsync(Soon, Cancel);
        Assert.Equal(1, await CountAsync(database, "sending"));
    }

    [Fact]
    public async Task One_that_hangs_takes_no_longer_than_its_lease_allows_and_keeps_no_other_waiting()
    {
        await using var database = await postgres.CreateDueAsync(3);
        using var telling = new Telling(database);
        var notices = await telling.Queue.ClaimAsync("webhook", 3, TimeSpan.FromMinutes(1), Cancel);
        await using var first = await HoldAsync(database, notices[0].JobId);
        await using var second = await HoldAsync(database, notices[1].JobId);

        var settling = Task.WhenAll(Settle(telling, notices));
        await UntilWaitingAsync(database, 1);
        telling.Time.Advance(NotificationSettler.WriteTime);
        // The first once more, by itself; and the others, together.
        await UntilWaitingAsync(database, 2);
        telling.Time.Advance(NotificationSettler.WriteTime);
        await Waiting.UntilAsync("the third is written down", async () => await CountAsync(database, "delivered") == 1, Cancel);
        Assert.False(settling.IsCompleted);
        telling.Time.Advance(NotificationSettler.WriteTime);

        await settling.WaitAsync(Soon, Cancel);
        Assert.Equal((1, 2), (await CountAsync(database, "delivered"), await CountAsync(database, "sending")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Of_two_attempts_of_one_notification_that_which_was_delivered_counts(bool isLateFirst)
    {
        await using var database = await postgres.CreateDueAsync(1);
        using var telling = new Telling(database);
        var late = Assert.Single(await telling.Queue.ClaimAsync("webhook", 1, TimeSpan.FromMinutes(1), Cancel));
        telling.Time.Advance(TimeSpan.FromMinutes(2));
        var last = Assert.Single(await telling.Queue.ClaimAsync("webhook", 1, TimeSpan.FromMinutes(1), Cancel));
        Settlement[] group =
        [
            Settlement.Of(last, Delivery.Failed("HTTP 500"), telling.Time.GetUtcNow()), Settlement.Of(late, Delivery.Delivered, telling.Time.GetUtcNow()),
        ];

        await telling.Queue.SettleAsync(isLateFirst ? group.Reverse() : group, Cancel);

        Assert.Equal(["completed webhook delivered"], await database.NotificationsAsync());
    }

    [Fact]
    public void Of_several_attempts_that_failed_the_last_counts()
    {
        var notice = Telling.Notice("https://example.com");
        var other = notice with { JobId = "other" };
        var attempts = new[] { notice with { Attempt = 2 }, notice with { Attempt = 3 }, notice, other };

        var settled = Settlement.OnePerNotification(attempts.Select(attempt => Settlement.Of(attempt, Delivery.Failed("HTTP 500"), Deliveries.Noon)));

        Assert.Equal([(notice.JobId, 3), ("other", 1)], settled.Select(one => (one.Notice.JobId, one.Notice.Attempt)));
    }

    [Fact]
    public async Task Rows_are_taken_in_the_order_of_their_keys_so_that_two_workers_cannot_wait_for_each_other()
    {
        await using var database = await postgres.CreateDueAsync(2);
        using var telling = new Telling(database);
        var notices = await telling.Queue.ClaimAsync("webhook", 2, TimeSpan.FromMinutes(1), Cancel);
        var backwards = notices.OrderByDescending(notice => notice.JobId, StringComparer.Ordinal)
            .Select(notice => Settlement.Of(notice, Delivery.Delivered, telling.Time.GetUtcNow())).ToArray();

        Task settling;
        await using (await HoldAsync(database, "job-0"))
        {
            settling = telling.Queue.SettleAsync(backwards, Cancel);
            await UntilWaitingAsync(database, 1);

            // It waits for the first one, and so does not have the other yet.
            await (await HoldAsync(database, "job-1")).DisposeAsync();
        }

        await settling;
        Assert.Equal(2, await CountAsync(database, "delivered"));
    }

    [Fact]
    public async Task What_is_written_down_at_this_moment_is_not_parked_as_left_behind()
    {
        await using var database = await postgres.CreateDueAsync(2);
        using var telling = new Telling(database);
        telling.Time.Advance(TimeSpan.FromHours(25));

        await using (await HoldAsync(database, "job-0"))
        {
            Assert.Equal(1, await telling.Queue.ParkExpiredAsync(Cancel).WaitAsync(Soon, Cancel));
        }

        Assert.Equal(1, await telling.Queue.ParkExpiredAsync(Cancel));
    }

    /// <summary>While the first is held up, the others gather.</summary>
    private static async Task SettleTogetherAsync(TestDatabase database, Telling telling, IReadOnlyList<Notice> notices)
    {
        Task settling;
        await using (await HoldAsync(database, notices[0].JobId))
        {
            settling = Task.WhenAll(Settle(telling, notices));
            await UntilWaitingAsync(database, 1);
        }

        await settling;
    }

    private static Task[] Settle(Telling telling, IReadOnlyList<Notice> notices) =>
        [.. notices.Select(notice => telling.Settler.SettleAsync(Settlement.Of(notice, Delivery.Delivered, telling.Time.GetUtcNow())))];

    /// <summary>Keeps the row of a job's notification until disposed of.</summary>
    /// <exception cref="PostgresException">Somebody else has it.</exception>
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

    private static Task UntilLoggedAsync(Telling telling, int lines) => Waiting.UntilAsync(
        $"{lines} lines of the settler", () => Task.FromResult(telling.SettlerLog.Count == lines), Cancel);

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
