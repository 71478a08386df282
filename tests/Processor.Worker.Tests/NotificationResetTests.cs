using Npgsql;
using Platform.DevStack;
using Processor.Worker.Notifications;

namespace Processor.Worker.Tests;

/// <summary>Two operators act on one notification at once.</summary>
public sealed class NotificationResetTests(PostgresFixture postgres)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_resend_that_waits_for_a_discard_finds_it_discarded()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.ExecuteAsync(
            """
            insert into notifications (job_id, outcome, channel, status, attempts, decided_at, next_attempt_at)
            values ('j', 'completed', 'email', 'parked', 9, now(), now())
            """);
        await using var discarding = await database.Source.OpenConnectionAsync(Cancel);
        await using var transaction = await discarding.BeginTransactionAsync(Cancel);
        await using var discard = new NpgsqlBatch(discarding) { BatchCommands = { NotificationReset.Discard([("j", "completed", "email")]) } };
        Assert.Equal(1, await discard.ExecuteNonQueryAsync(Cancel));

        await using var resend = database.Source.CreateBatch();
        resend.BatchCommands.Add(NotificationReset.Latest("j", "email", DateTimeOffset.UtcNow));
        var resending = resend.ExecuteNonQueryAsync(Cancel);
        await Waiting.UntilAsync(
            "the resend waits for the discard",
            async () => await database.QueryAsync("select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'") is ["1"],
            Cancel);
        await transaction.CommitAsync(Cancel);

        Assert.Equal(0, await resending);
        Assert.Equal(["superseded"], await database.QueryAsync("select status from notifications"));
    }
}
