using Npgsql;
using Platform.DevStack;
using Processor.Worker.Inbox;
using Processor.Worker.Jobs;
using Processor.Worker.Outbox;

namespace Processor.Worker.Tests;

/// <summary>Retention beside group commits, and after a crash.</summary>
public sealed class RetentionBesideOthersTests(PostgresFixture postgres)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Groups_that_commit_meanwhile_neither_fail_nor_wait_for_a_second()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var retaining = new Retaining(database, Retaining.Shortest);
        await Retaining.CreatePartitionsAsync(database, days: 50);
        await FillAsync(database, jobs: 2000);
        // A lock that is not there within a second fails the group.
        await using var impatient = NpgsqlDataSource.Create(database.ConnectionString.Replace("jit=off", "jit=off -c lock_timeout=1s", StringComparison.Ordinal));
        var groups = new GroupTransaction(impatient, new OutboxSignal(TimeProvider.System), TimeProvider.System);

        var run = retaining.DropAsync();
        var committed = 0;
        for (; !run.IsCompleted; committed++)
        {
            var now = DateTimeOffset.UtcNow;
            // A new job, another event of a job that is about to be dropped, and a body of a day that is.
            await groups.CommitAsync(
                [
                    Deliveries.Unit(Deliveries.Event("video.completed", $"new-{committed}", now)),
                    Deliveries.Unit(Deliveries.Event($$"""{"type":"video.completed","payload":{"id":"old-{{committed % 2000}}"} }""", now)),
                    Deliveries.Unit(Deliveries.Event("image.completed", $"late-{committed}", now.AddDays(-10))),
                ],
                Cancel);
        }

        var dropped = await run;
        Assert.True(committed > 10, $"{committed} groups");
        Assert.True(dropped["webhook_events"] > 1000);
        Assert.Equal([$"{2 * committed}"], await database.QueryAsync("select count(*) from jobs where magic_hour_id ~ '^(new|late)'"));
        // What was dropped of an old job is all of it, and what was not has a new event.
        Assert.Equal(["0"], await database.QueryAsync(
            """
            select count(*) from webhook_events as old
            where processed_at < now() - interval '44 days'
                and not exists (select from webhook_events where job_id = old.job_id and processed_at > now() - interval '1 day')
            """));
        // A half-dropped job would have an event without an identity, or the reverse.
        Assert.Equal(["0"], await database.QueryAsync(
            "select count(*) from webhook_events full join inbox_state on event_id = message_id where event_id is null or message_id is null"));
    }

    [Fact]
    public async Task A_job_that_a_group_has_locked_is_left_to_the_next_run()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var retaining = new Retaining(database, Retaining.Shortest);
        retaining.Time.SetDaysAgo(50);
        await retaining.CommitAsync("video.completed", "locked");
        await retaining.CommitAsync("video.completed", "free");
        retaining.Time.SetDaysAgo(0);
        await using var connection = await database.Source.OpenConnectionAsync(Cancel);
        await using var group = await connection.BeginTransactionAsync(Cancel);
        await using var acquire = new NpgsqlBatch(connection) { BatchCommands = { JobLock.Acquire(["locked"]) } };
        await acquire.ExecuteNonQueryAsync(Cancel);

        var first = await retaining.DropAsync();
        var left = await database.QueryAsync("select job_id from webhook_events");
        await group.RollbackAsync(Cancel);
        var second = await retaining.DropAsync();

        Assert.Equal((1, 1), (first["webhook_events"], second["webhook_events"]));
        Assert.Equal(["locked"], left);
    }

    [Fact]
    public async Task A_partition_in_use_is_dropped_once_it_is_free_and_inserts_do_not_wait_behind()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var retaining = new Retaining(database, Retaining.Shortest);
        await Retaining.CreatePartitionsAsync(database, days: 9);
        await using var impatient = NpgsqlDataSource.Create(database.ConnectionString.Replace("jit=off", "jit=off -c lock_timeout=1s", StringComparison.Ordinal));
        await using var connection = await database.Source.OpenConnectionAsync(Cancel);
        await using var slow = await connection.BeginTransactionAsync(Cancel);
        await using var insert = new NpgsqlCommand("insert into webhook_bodies values (gen_random_uuid(), 0, now(), '')", connection);
        await insert.ExecuteNonQueryAsync(Cancel);

        var run = retaining.DropAsync();
        await Waiting.UntilAsync(
            "it waits",
            async () => await database.QueryAsync(
                "select 1 from pg_stat_activity where datname = current_database() and application_name = 'processor-worker retention' and wait_event_type = 'Lock'") is [_],
            Cancel);
        await new GroupTransaction(impatient, new OutboxSignal(TimeProvider.System), TimeProvider.System)
            .CommitAsync([Deliveries.Unit(Deliveries.Event("video.completed", "j", DateTimeOffset.UtcNow))], Cancel);
        var isWaiting = !run.IsCompleted;
        await slow.CommitAsync(Cancel);
        await run;

        Assert.True(isWaiting);
        Assert.Equal(7, (await Retaining.OldPartitionsAsync(database)).Length);
    }

    [Fact]
    public async Task A_killed_run_continues_in_the_next_one()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var retaining = new Retaining(database, Retaining.Shortest);
        await FillAsync(database, jobs: 3000);
        var killed = retaining.RunAsync();
        while (await database.QueryAsync("select count(*) from inbox_state") is ["3000"])
        {
            await Task.Yield();
        }

        await database.ExecuteAsync("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'processor-worker retention'");
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => killed);
        var afterKill = await database.QueryAsync("select count(*) from webhook_events full join inbox_state on event_id = message_id where event_id is null or message_id is null");

        var dropped = await retaining.DropAsync();

        Assert.Equal(["0"], afterKill);
        Assert.InRange(dropped["webhook_events"], 1, 2999);
        Assert.Equal(["0"], await database.QueryAsync("select count(*) from webhook_events"));
        // That of the migration, and that of the second run.
        Assert.Equal(["2"], await database.QueryAsync("select count(*) from retention_runs where table_name = 'all'"));
    }

    /// <summary>Jobs that ended 50 days ago, with an event each.</summary>
    private static Task FillAsync(TestDatabase database, int jobs) => database.ExecuteAsync(
        $$"""
        create temporary table old as select gen_random_uuid() as id, 'old-' || i as job from generate_series(0, {{jobs - 1}}) as i;
        insert into inbox_state select id, gen_random_uuid(), now() - interval '50 days' from old;
        insert into webhook_events select id, 'video.completed', job, at, at, at, false, 'live', '0', id, null, '\x00', '{}', null
        from old, (select now() - interval '50 days' as at) as time;
        insert into jobs (magic_hour_id, resource, status, created_at, updated_at)
        select job, 'video', 'completed', now() - interval '50 days', now() - interval '50 days' from old;
        """);
}
