using System.Text.RegularExpressions;
using Npgsql;
using Processor.Worker.Jobs;
using Processor.Worker.Notifications;

namespace Processor.Worker.Tests;

/// <summary>
/// The database cost of one notification while very many are waiting and the planner has no statistics of them: in a wave, decisions run
/// alongside events, and a statement that scans all notifications would slow those down.
/// </summary>
public sealed partial class AWaveOfNotificationsTests(PostgresFixture postgres)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Deciding_looks_at_the_registrations_of_the_jobs_and_at_no_others()
    {
        await using var database = await CreateWaveAsync();
        var ended = Enumerable.Range(0, 200).Select(i => new Notification
        {
            JobId = $"job-{i}",
            Outcome = JobStatus.Failed,
            DecidedAt = Deliveries.Noon,
            NextAttemptAt = Deliveries.Noon,
        });

        var plan = await ExplainAsync(database, Notification.Decide([.. ended]));

        Assert.DoesNotContain("Seq Scan", plan, StringComparison.Ordinal);
        Assert.Contains("Tuples Inserted: 200", plan, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Settling_looks_at_the_notifications_that_it_settles_and_at_no_others()
    {
        await using var database = await CreateWaveAsync();
        using var harness = new NotificationHarness(database);
        var claimed = await harness.Queue.ClaimAsync("email", 16, TimeSpan.FromMinutes(1), Cancel);

        AttemptResult[] settled = [.. claimed.Select(notification => AttemptResult.From(notification, Delivery.Delivered, harness.Time.GetUtcNow()))];

        var plan = await ExplainAsync(database, AttemptResult.Lock(settled)) + await ExplainAsync(database, AttemptResult.Update(settled));

        Assert.DoesNotContain("Seq Scan", plan, StringComparison.Ordinal);
        Assert.All(Removed().Matches(plan), removed => Assert.InRange(int.Parse(removed.Groups[1].Value, null), 0, 1));
        Assert.Equal(["16"], await database.QueryAsync("select count(*) from notifications where status = 'delivered'"));
    }

    [Fact]
    public async Task What_ends_while_another_is_written_down_is_written_down_together()
    {
        await using var database = await CreateWaveAsync();
        using var harness = new NotificationHarness(database);
        var claimed = await harness.Queue.ClaimAsync("email", 16, TimeSpan.FromMinutes(1), Cancel);
        await using var connection = await database.Source.OpenConnectionAsync(Cancel);
        await using var other = await connection.BeginTransactionAsync(Cancel);
        await using var hold = new NpgsqlCommand($"select from notifications where job_id = '{claimed[0].JobId}' for update", connection, other);
        await hold.ExecuteNonQueryAsync(Cancel);

        var settling = claimed
            .Select(notification => harness.Settler.SettleAsync(AttemptResult.From(notification, Delivery.Delivered, harness.Time.GetUtcNow()))).ToArray();
        await other.RollbackAsync(Cancel);
        await Task.WhenAll(settling);

        Assert.Equal(["2 of 16"], await database.QueryAsync(
            "select count(distinct xmin::text) || ' of ' || count(*) from notifications where status = 'delivered'"));
    }

    /// <summary>Many ended jobs with their owners, none of whom has been notified.</summary>
    private async Task<TestDatabase> CreateWaveAsync()
    {
        var database = await postgres.CreateDatabaseAsync();
        await database.ExecuteAsync(
            """
            insert into jobs (magic_hour_id, resource, status, created_at, updated_at)
            select 'job-' || i, 'video', 'completed', now(), now() from generate_series(0, 9999) as i;
            insert into job_registrations (job_id, resource, user_id, email, registered_at)
            select 'job-' || i, 'video', 'ada', 'ada@example.com', now() from generate_series(0, 9999) as i;
            insert into notifications (job_id, outcome, channel, status, attempts, decided_at, next_attempt_at)
            select 'job-' || i, 'completed', 'email', 'pending', 0, now(), now() from generate_series(0, 9999) as i;
            """);
        return database;
    }

    private static async Task<string> ExplainAsync(TestDatabase database, NpgsqlBatchCommand explained)
    {
        await using var command = database.Source.CreateCommand($"explain (analyze, costs off, timing off) {explained.CommandText}");
        command.Parameters.AddRange(explained.Parameters.Select(parameter => parameter.Clone()).ToArray());
        await using var rows = await command.ExecuteReaderAsync(Cancel);
        var plan = new List<string>();
        while (await rows.ReadAsync(Cancel))
        {
            plan.Add(rows.GetString(0));
        }

        return string.Join('\n', plan);
    }

    [GeneratedRegex(@"Rows Removed by \w+(?: \w+)?: (\d+)")]
    private static partial Regex Removed();
}
