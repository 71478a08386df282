using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Processor.Worker.Inbox;
using Processor.Worker.Outbox;
using Processor.Worker.Persistence;

namespace Processor.Worker.Tests;

/// <summary>
/// Npgsql prepares a statement when it is used for the fifth time. When the server rejects that use, the connection no longer knows what the statement
/// returns, and its next use fails.
/// </summary>
public sealed class OutOfStepTests(PostgresFixture postgres)
{
    private const int MostUses = 7;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_neighbour_of_a_rejected_message_is_committed_on_another_connection()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var spoiled = 0;
        for (var uses = 0; uses < MostUses; uses++)
        {
            spoiled += await IsSpoiledAsync(database, uses) ? 1 : 0;

            await using var source = CreateSource(database);
            using var outage = new DatabaseOutage(source, TimeProvider.System, NullLogger<DatabaseOutage>.Instance);
            await RejectAsync(source, uses);
            var plan = await outage.OutlastAsync(() => CommitAsync(source, "j"), Cancel);

            Assert.Equal([CommitOutcome.New], plan.Outcomes);
        }

        Assert.True(spoiled > 0, "no connection was out of step: this tests nothing");
    }

    /// <summary>Whether a commit after a rejected message fails in the way that this is about, without a retry.</summary>
    private static async Task<bool> IsSpoiledAsync(TestDatabase database, int uses)
    {
        await using var source = CreateSource(database);
        await RejectAsync(source, uses);
        var failure = await Record.ExceptionAsync(() => CommitAsync(source, "j"));
        return failure is not null && DatabaseFault.IsOutOfStep(failure);
    }

    /// <summary>Has the server reject a message, after some that it commits.</summary>
    private static async Task RejectAsync(NpgsqlDataSource source, int uses)
    {
        for (var i = 0; i < uses; i++)
        {
            await CommitAsync(source, "j");
        }

        await Assert.ThrowsAsync<PostgresException>(() => CommitAsync(source, "\0"));
    }

    private static NpgsqlDataSource CreateSource(TestDatabase database) =>
        NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(database.ConnectionString) { MaxAutoPrepare = 50, MaxPoolSize = 1, NoResetOnClose = true });

    private static Task<GroupPlan> CommitAsync(NpgsqlDataSource source, string jobId)
    {
        var transaction = new GroupTransaction(source, new OutboxSignal(TimeProvider.System), TimeProvider.System);
        return transaction.CommitAsync([Deliveries.Unit(Deliveries.Event("video.started", "j") with { JobId = jobId, EventId = Guid.NewGuid() })], Cancel);
    }
}
