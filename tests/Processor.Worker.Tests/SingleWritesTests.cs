using Npgsql;
using Processor.Worker.Persistence;

namespace Processor.Worker.Tests;

public sealed class SingleWritesTests(PostgresFixture postgres)
{
    private const int Flood = 200;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_flood_of_messages_that_each_need_a_write_opens_a_few_connections()
    {
        await using var database = await postgres.CreateDatabaseAsync(isMigrated: false);
        using var running = new RunningWrites(database);

        await Task.WhenAll(Enumerable.Range(0, Flood).Select(_ => running.Writes.OutlastAsync(CountSessionsAsync, Cancel)));

        // The pool keeps what it has opened.
        await using var connection = await database.Source.OpenConnectionAsync(Cancel);
        Assert.InRange(await CountSessionsAsync(connection, Cancel), 1, SingleWrites.MaxConnections);
    }

    [Fact]
    public async Task A_write_outlives_its_message_and_the_next_one_waits_for_its_end()
    {
        await using var database = await postgres.CreateDatabaseAsync(isMigrated: false);
        using var running = new RunningWrites(database);
        using var message = new CancellationTokenSource();
        var end = new TaskCompletionSource<int>();
        var first = Enumerable.Range(0, SingleWrites.MaxConnections)
            .Select(_ => running.Writes.OutlastAsync((_, _) => end.Task, message.Token))
            .ToArray();
        await message.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.WhenAll(first));

        using var impatient = new CancellationTokenSource();
        var abandoned = running.Writes.OutlastAsync(CountSessionsAsync, impatient.Token);
        var next = running.Writes.OutlastAsync(CountSessionsAsync, Cancel);
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => abandoned);
        Assert.False(next.IsCompleted);
        end.SetResult(0);

        Assert.InRange(await next, 1, SingleWrites.MaxConnections);
    }

    [Fact]
    public async Task A_write_that_can_never_succeed_fails_and_leaves_its_place()
    {
        await using var database = await postgres.CreateDatabaseAsync(isMigrated: false);
        using var running = new RunningWrites(database);

        for (var i = 0; i <= SingleWrites.MaxConnections; i++)
        {
            await Assert.ThrowsAsync<InvalidOperationException>(
                () => running.Writes.OutlastAsync<int>((_, _) => throw new InvalidOperationException("never"), Cancel));
        }

        Assert.InRange(await running.Writes.OutlastAsync(CountSessionsAsync, Cancel), 1, SingleWrites.MaxConnections);
    }

    private static async Task<long> CountSessionsAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("select count(*) from pg_stat_activity where datname = current_database() and backend_type = 'client backend'", connection);
        return (long)(await command.ExecuteScalarAsync(cancellationToken))!;
    }
}
