using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Platform.Contracts;
using Platform.DevStack;
using Processor.Worker.Events;
using Processor.Worker.Inbox;
using Processor.Worker.Jobs;

namespace Processor.Worker.Tests;

/// <summary>Rebuilding while groups commit.</summary>
public sealed class RebuildingBesideOthersTests(PostgresFixture postgres)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_job_that_a_group_has_locked_is_written_from_what_the_group_has_committed()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "j")));
        await database.ExecuteAsync("update jobs set name = 'x'");
        await using var group = await HeldGroup.BeginAsync(database, Deliveries.Event("video.completed", "j"));
        var time = new CountingTime();

        var rebuild = database.RebuildAsync(time: time);
        await Waiting.UntilAsync("it has tried", () => Task.FromResult(time.Timers > 0), Cancel);
        await group.CommitAsync();
        await time.AdvanceUntilAsync(rebuild);

        Assert.Equal(["completed"], await database.QueryAsync("select concat(status, name) from jobs where completed_at is not null and started_at is not null"));
        Assert.True((await database.CheckAsync()).IsClean);
    }

    [Fact]
    public async Task A_job_whose_lock_is_not_released_is_left_and_the_others_are_written()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "a")), Deliveries.Unit(Deliveries.Event("video.started", "b")));
        await database.ExecuteAsync("update jobs set name = 'x'");
        await using var group = await HeldGroup.BeginAsync(database, Deliveries.Event("video.completed", "a"));
        var time = new CountingTime();

        var running = database.RebuildAsync(time: time);
        await time.AdvanceUntilAsync(running);
        var rebuild = await running;

        Assert.False(rebuild.IsClean);
        Assert.Equal(["rebuilt  b  name", "left     a  its lock is taken"], rebuild.Lines.Where(line => !line.StartsWith("...", StringComparison.Ordinal)));
        Assert.Equal(["a"], await database.QueryAsync("select magic_hour_id from jobs where name is not null"));
    }

    [Fact]
    public async Task Nothing_is_lost_while_groups_commit_and_a_check_meanwhile_finds_nothing()
    {
        const int jobs = 400;
        await using var database = await postgres.CreateDatabaseAsync();
        var commits = Task.Run(() => Parallel.ForAsync(0, jobs, new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = Cancel }, async (i, _) =>
        {
            foreach (var type in new[] { "video.started", "video.errored", "video.completed" })
            {
                await database.CommitAsync(Deliveries.Unit(Deliveries.Event(type, $"j{i}")), Deliveries.Unit(Deliveries.Event(type, $"k{i}")));
            }
        }), Cancel);
        var (checks, rebuilt) = (0, 0);

        for (; !commits.IsCompleted; checks++)
        {
            var check = await database.CheckAsync();
            Assert.True(check.IsClean, string.Join('\n', check.Lines));
            // What a reader could take for content of an event.
            await database.ExecuteAsync("update jobs set name = 'x' where magic_hour_id in (select magic_hour_id from jobs order by random() limit 20)");
            rebuilt += (await database.RebuildAsync()).Lines.Length;
        }

        await commits;
        Assert.True(checks > 1 && rebuilt > 0, $"{checks} checks, {rebuilt} rebuilt");
        Assert.Equal([$"{2 * jobs}"], await database.QueryAsync(
            "select count(*) from jobs where status = 'completed' and name is null and started_at is not null and failed_at is not null and completed_at is not null"));
        Assert.Equal([$"{2 * 3 * jobs}"], await database.QueryAsync("select count(*) from outbox_message"));
    }

    /// <summary>A group that has written an event and has not committed yet.</summary>
    private sealed class HeldGroup(NpgsqlConnection connection, NpgsqlTransaction transaction) : IAsyncDisposable
    {
        public static async Task<HeldGroup> BeginAsync(TestDatabase database, WebhookReceived received)
        {
            var connection = await database.Source.OpenConnectionAsync(Cancel);
            var transaction = await connection.BeginTransactionAsync(Cancel);
            await using var read = new NpgsqlBatch(connection) { BatchCommands = { JobLock.Acquire([received.JobId]), KnownEvent.SelectByJob([received.JobId]) } };
            var known = new List<KnownEvent>();
            await using (var rows = await read.ExecuteReaderAsync(Cancel))
            {
                await rows.NextResultAsync(Cancel);
                while (await rows.ReadAsync(Cancel))
                {
                    known.Add(KnownEvent.Read(rows));
                }
            }

            var plan = new GroupPlan([Deliveries.Unit(received)], [received.EventId], erased: [], known, Deliveries.Noon);
            await using var write = new NpgsqlBatch(connection) { BatchCommands = { WebhookEvent.Insert(plan.Events), Job.Upsert(plan.Jobs) } };
            await write.ExecuteNonQueryAsync(Cancel);
            return new HeldGroup(connection, transaction);
        }

        public Task CommitAsync() => transaction.CommitAsync(Cancel);

        public async ValueTask DisposeAsync()
        {
            await transaction.DisposeAsync();
            await connection.DisposeAsync();
        }
    }

    /// <summary>A clock that moves when the test moves it.</summary>
    private sealed class CountingTime : FakeTimeProvider
    {
        private int _timers;

        /// <summary>How many pauses have begun.</summary>
        public int Timers => Volatile.Read(ref _timers);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = base.CreateTimer(callback, state, dueTime, period);
            Interlocked.Increment(ref _timers);
            return timer;
        }

        public async Task AdvanceUntilAsync(Task end)
        {
            while (!end.IsCompleted)
            {
                Advance(TimeSpan.FromMilliseconds(100));
                await Task.Yield();
            }

            await end;
        }
    }
}
