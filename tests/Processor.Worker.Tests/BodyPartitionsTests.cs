using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
using Platform.DevStack;
using Processor.Worker.Events;

namespace Processor.Worker.Tests;

/// <summary>A running worker creates the partitions of the coming days.</summary>
public sealed class BodyPartitionsTests(PostgresFixture postgres)
{
    private static readonly string Tomorrow = $"webhook_bodies_{DateTimeOffset.UtcNow.AddDays(1):yyyyMMdd}";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_missing_partition_is_created_at_start_and_not_only_half_a_day_later()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.ExecuteAsync($"drop table {Tomorrow}");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        // The worker's clock does not move.
        using var partitions = Create(database, new FakeTimeProvider(), new FakeLogger<BodyPartitions>());

        var running = partitions.KeepCreatingAsync(stop.Token);
        await Waiting.UntilAsync("the partition is there", () => ExistsAsync(database), Cancel);
        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task A_failure_is_logged_and_made_good_within_minutes()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.ExecuteAsync($"drop table {Tomorrow}; alter function create_webhook_bodies_partitions rename to unknown");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var (time, log) = (new FakeTimeProvider(), new FakeLogger<BodyPartitions>());
        using var partitions = Create(database, time, log);

        var running = partitions.KeepCreatingAsync(stop.Token);
        await Waiting.UntilAsync("it has failed", () => Task.FromResult(log.Collector.Count > 0), Cancel);
        await database.ExecuteAsync("alter function unknown rename to create_webhook_bodies_partitions");
        await Waiting.UntilAsync(
            "the partition is there",
            () =>
            {
                // Advance again, in case the pause begins only now; far less than half a day in total.
                time.Advance(TimeSpan.FromMinutes(5));
                return ExistsAsync(database);
            },
            Cancel);
        await stop.CancelAsync();

        Assert.Equal("Could not create the partitions of the coming days; trying again in 00:05:00", log.Collector.GetSnapshot()[0].Message);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task A_role_that_may_write_bodies_only_since_the_last_migration_may_create_partitions_after_the_next()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var (writer, reader) = ($"Writer {Guid.NewGuid():N}", $"reader_{Guid.NewGuid():N}");
        await database.ExecuteAsync(
            $"""create role "{writer}"; create role {reader}; grant insert on webhook_bodies to "{writer}"; grant select on webhook_bodies to {reader}""");
        try
        {
            await PostgresFixture.Schema(database.Source).MigrateAsync(Cancel);

            Assert.Equal(
                ["True False"],
                await database.QueryAsync(
                    $"select {May(writer)} || ' ' || {May(reader)}"));
        }
        finally
        {
            await database.ExecuteAsync($"""drop owned by "{writer}", {reader}; drop role "{writer}"; drop role {reader}""");
        }

        static string May(string role) =>
            $"initcap(has_function_privilege('{role}', 'public.create_webhook_bodies_partitions(integer)', 'execute')::text)";
    }

    // Only a service that runs by itself waits for the gate.
    private static BodyPartitions Create(TestDatabase database, TimeProvider time, FakeLogger<BodyPartitions> log) =>
        new(PostgresFixture.Schema(database.Source), gate: null!, time, log);

    private static async Task<bool> ExistsAsync(TestDatabase database) =>
        (await database.QueryAsync($"select to_regclass('{Tomorrow}') is not null")) is ["True"];
}
