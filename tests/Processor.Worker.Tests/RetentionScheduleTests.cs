using Cronos;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Platform.DevStack;
using Processor.Worker.Retention;

namespace Processor.Worker.Tests;

/// <summary>When retention runs, on which replica, and what follows a failure.</summary>
public sealed class RetentionScheduleTests(PostgresFixture postgres)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Of_two_replicas_one_runs_and_the_other_does_nothing()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var retaining = new Retaining(database, Retaining.Shortest);
        retaining.Time.SetDaysAgo(50);
        await retaining.CommitAsync("video.completed", "j");
        retaining.Time.SetDaysAgo(0);
        var due = retaining.Time.GetUtcNow();

        RunOutcome meanwhile;
        await using (var other = await RetentionSession.OpenAsync(database.Sessions, TimeProvider.System, Cancel))
        {
            Assert.True(await other.TryLockAsync(Cancel));
            meanwhile = await retaining.RunAsync();
        }

        var left = await database.QueryAsync("select job_id from webhook_events");
        await Waiting.UntilAsync("the lock is free", async () => await retaining.Run().RunAsync(due, _ => { }, Cancel) is RunOutcome.Succeeded, Cancel);
        var late = await retaining.Run().RunAsync(due, _ => Assert.Fail("It runs again."), Cancel);

        Assert.Equal((RunOutcome.RunsElsewhere, RunOutcome.Succeeded), (meanwhile, late));
        Assert.Equal(["j"], left);
        Assert.Empty(await database.QueryAsync("select job_id from webhook_events"));
    }

    [Fact]
    public async Task A_table_that_cannot_be_dropped_from_is_recorded_and_the_others_are()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var retaining = new Retaining(database, Retaining.Shortest);
        retaining.Time.SetDaysAgo(50);
        await retaining.CommitAsync("video.completed", "j");
        retaining.Time.SetDaysAgo(0);
        await database.ExecuteAsync("alter function drop_expired_notifications rename to unknown");

        var outcome = await retaining.RunAsync();

        Assert.Equal(RunOutcome.Failed, outcome);
        Assert.Empty(await database.QueryAsync("select job_id from webhook_events"));
        var failed = await database.QueryAsync("select table_name || ' ' || left(error, 30) from retention_runs where error is not null order by table_name");
        Assert.Equal(["all notifications: 42883: function", "notifications 42883: function drop_expired_n"], failed);
    }

    [Fact]
    public async Task A_worker_runs_it_when_it_is_due_and_again_soon_when_it_failed()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var retaining = new Retaining(database, Retaining.Shortest);
        await database.ExecuteAsync("delete from retention_runs; alter function drop_expired_notifications rename to unknown");
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 11, 23, 12, 0, 0, TimeSpan.Zero)) { AutoAdvanceAmount = TimeSpan.FromMilliseconds(1) };
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        using var schedule = new RetentionSchedule(
            retaining.Run(time: time), gate: null!, Options.Create(new RetentionOptions()), metrics: null!, time, NullLogger<RetentionSchedule>.Instance);

        var running = schedule.KeepRunningAsync(CronExpression.Parse("17 3 * * *"), stop.Token);
        time.Advance(TimeSpan.FromHours(15));
        var early = await database.QueryAsync("select 1 from retention_runs");
        await AdvanceUntilAsync(time, TimeSpan.FromMinutes(1), database, "table_name = 'all' and error is not null");
        await database.ExecuteAsync("alter function unknown rename to drop_expired_notifications");
        await AdvanceUntilAsync(time, TimeSpan.FromMinutes(1), database, "table_name = 'all' and error is null");
        await stop.CancelAsync();

        Assert.Empty(early);
        Assert.Equal(["2026-11-24 03"], await database.QueryAsync("select to_char(min(started_at) at time zone 'utc', 'YYYY-MM-DD HH24') from retention_runs"));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    private static Task AdvanceUntilAsync(FakeTimeProvider time, TimeSpan step, TestDatabase database, string condition) => Waiting.UntilAsync(
        condition,
        async () =>
        {
            time.Advance(step);
            return await database.QueryAsync($"select 1 from retention_runs where {condition}") is not [];
        },
        Cancel);
}
