using Npgsql;
using Platform.DevStack;
using Processor.Worker.Jobs;

namespace Processor.Worker.Tests;

/// <summary>
/// Job locks: transactions that share a job wait for each other, and PostgreSQL's lock table holds the locks of groups of any size.
/// </summary>
public sealed class JobLockTests(PostgresFixture postgres)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(32, 32)]
    [InlineData(33, 34)]
    [InlineData(512, 513)]
    public async Task A_large_group_needs_a_permit_beside_its_locks(int jobs, long locks)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var group = await Group.BeginAsync(database);

        await group.AcquireAsync(Ids("job", jobs));

        Assert.Equal(locks, await group.CountLocksAsync());
    }

    [Fact]
    public async Task However_many_large_groups_there_are_two_have_their_locks_and_small_ones_do_not_wait()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var first = await Group.BeginAsync(database);
        await using var second = await Group.BeginAsync(database);
        await using var third = await Group.BeginAsync(database);
        await using var small = await Group.BeginAsync(database);

        await first.AcquireAsync(Ids("first", JobLock.MostJobs));
        await second.AcquireAsync(Ids("second", JobLock.MostJobs));
        var acquired = third.AcquireAsync(Ids("third", JobLock.MostJobs));
        await Waiting.UntilAsync("it waits", async () => (await WaitersAsync(database))[0] == "1", Cancel);
        await small.AcquireAsync(Ids("small", 32));
        var locks = await database.QueryAsync(
            """
            select count(*) from pg_locks
            where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())
            """);
        await second.CommitAsync();
        await acquired;

        Assert.Equal([$"{2 * (JobLock.MostJobs + 1) + 32}"], locks);
    }

    [Fact]
    public void A_group_that_is_too_large_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => JobLock.Acquire(Ids("job", JobLock.MostJobs + 1)));

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 500)]
    [InlineData(500, 1)]
    [InlineData(500, 500)]
    public async Task Groups_that_share_a_job_wait_for_each_other_whatever_their_sizes(int first, int second)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var one = await Group.BeginAsync(database);
        await using var other = await Group.BeginAsync(database);

        await one.AcquireAsync([.. Ids("first", first - 1), "shared"]);
        var acquired = other.AcquireAsync([.. Ids("second", second - 1), "shared"]);
        await Waiting.UntilAsync("it waits", async () => (await WaitersAsync(database))[0] == "1", Cancel);
        await one.CommitAsync();
        await acquired;

        Assert.Equal(["0"], await WaitersAsync(database));
    }

    [Fact]
    public async Task Groups_of_any_size_and_order_never_wait_in_a_circle()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        int[] sizes = [1, 5, 32, 33, 60];

        await Parallel.ForAsync(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = Cancel }, async (i, _) =>
        {
            var ids = Ids("job", 60);
            new Random(i).Shuffle(ids);
            await using var group = await Group.BeginAsync(database);
            await group.AcquireAsync(ids[..sizes[i % sizes.Length]]);
            await group.CommitAsync();
        });

        Assert.Equal(["0"], await database.QueryAsync("select deadlocks from pg_stat_database where datname = current_database()"));
    }

    [Fact]
    public async Task The_largest_groups_of_several_workers_fit_into_the_lock_table_of_a_small_server()
    {
        var servers = await TestServers.ChooseAsync(Cancel);
        Assert.SkipUnless(servers.Kind is TestServerKind.Native, $"It needs a server with settings of its own, and this run uses {servers.Description}.");
        await using var folder = await TestFolder.CreateAsync(Cancel);
        var server = await PostgresServer.StartAsync(folder.Path, isDisposable: true, folder.Daemons, Cancel, ["max_connections=20"]);
        await using var source = NpgsqlDataSource.Create(server.ConnectionString);
        await PostgresFixture.Schema(source).MigrateAsync(Cancel);
        await using var database = new TestDatabase(server.ConnectionString, source, () => Task.CompletedTask);
        RunningCommitter[] workers = [.. Enumerable.Range(0, 6).Select(_ => new RunningCommitter(database))];
        var commits = workers.SelectMany((worker, i) => Ids($"worker-{i}", 2000).Select(id =>
            worker.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", id))))).ToArray();

        await Task.WhenAll(workers.Select(worker => worker.StartAsync()));
        await Task.WhenAny([Task.WhenAll(commits), .. workers.Select(worker => worker.RefusedAsync())]);
        var refusals = workers.Count(worker => worker.HasRefused);
        await Task.WhenAll(workers.Select(worker => worker.DisposeAsync().AsTask()));

        Assert.Equal(0, refusals);
        Assert.Equal(["12000"], await database.QueryAsync("select count(*) from webhook_events"));
    }

    private static string[] Ids(string prefix, int count) => [.. Enumerable.Range(0, count).Select(i => $"{prefix}-{i}")];

    private static Task<string[]> WaitersAsync(TestDatabase database) => database.QueryAsync(
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'");

    /// <summary>A transaction that locks jobs.</summary>
    private sealed class Group(NpgsqlConnection connection, NpgsqlTransaction transaction) : IAsyncDisposable
    {
        public static async Task<Group> BeginAsync(TestDatabase database)
        {
            var connection = await database.Source.OpenConnectionAsync(Cancel);
            return new Group(connection, await connection.BeginTransactionAsync(Cancel));
        }

        public async Task AcquireAsync(string[] jobIds)
        {
            await using var batch = new NpgsqlBatch(connection) { BatchCommands = { JobLock.Acquire(jobIds) } };
            await batch.ExecuteNonQueryAsync(Cancel);
        }

        public async Task<long> CountLocksAsync()
        {
            await using var count = new NpgsqlCommand("select count(*) from pg_locks where pid = pg_backend_pid() and locktype = 'advisory'", connection);
            return (long)(await count.ExecuteScalarAsync(Cancel))!;
        }

        public Task CommitAsync() => transaction.CommitAsync(Cancel);

        public async ValueTask DisposeAsync()
        {
            await transaction.DisposeAsync();
            await connection.DisposeAsync();
        }
    }
}
