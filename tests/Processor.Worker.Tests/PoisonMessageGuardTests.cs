using Processor.Worker.Inbox;

namespace Processor.Worker.Tests;

public sealed class PoisonMessageGuardTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData(0, false)]
    [InlineData(2, false)]
    [InlineData(3, true)]
    [InlineData(999, true)]
    public async Task A_message_is_suspect_after_three_deliveries(long deliveries, bool isSuspect)
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var running = new RunningSuspects(database);
        var unit = Deliveries.Unit(Deliveries.Event("video.started", "j"));

        using var turn = await running.TakeTurnAsync(unit, deliveries);

        Assert.Equal(isSuspect, turn is not null);
        Assert.Equal(isSuspect ? ["1"] : [], await database.QueryAsync("select attempts from delivery_attempts"));
    }

    [Fact]
    public async Task Suspects_take_turns()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var running = new RunningSuspects(database);
        var first = await running.TakeTurnAsync(Deliveries.Unit(Deliveries.Event("video.started", "first")));
        var second = running.TakeTurnAsync(Deliveries.Unit(Deliveries.Event("video.started", "second")));

        Assert.Equal(["1"], await database.QueryAsync("select count(*) from delivery_attempts"));
        Assert.False(second.IsCompleted);
        first!.Dispose();
        using var turn = await second;

        Assert.Equal(["2"], await database.QueryAsync("select count(*) from delivery_attempts"));
    }

    [Fact]
    public async Task One_that_goes_through_is_cleared()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var running = new RunningSuspects(database);
        var unit = Deliveries.Unit(Deliveries.Event("video.started", "j"));

        using var turn = await running.TakeTurnAsync(unit);
        await database.CommitAsync(unit);

        Assert.Empty(await database.QueryAsync("select attempts from delivery_attempts"));
    }

    [Fact]
    public async Task One_that_waits_for_something_else_is_cleared()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        using var running = new RunningSuspects(database);
        var unit = Deliveries.Unit(Deliveries.Event("video.started", "j"));
        (await running.TakeTurnAsync(unit))!.Dispose();

        await running.ClearAsync(unit);

        Assert.Empty(await database.QueryAsync("select attempts from delivery_attempts"));
    }

    [Fact]
    public async Task One_that_never_finishes_is_refused_after_five_attempts()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var received = Deliveries.Event("video.started", "j");

        for (var attempt = 0; attempt < PoisonMessageGuard.MaxAttempts; attempt++)
        {
            // The process dies with each attempt.
            using var running = new RunningSuspects(database);
            Assert.NotNull(await running.TakeTurnAsync(Deliveries.Unit(received)));
        }

        using var next = new RunningSuspects(database);
        await Assert.ThrowsAsync<SuspectException>(() => next.TakeTurnAsync(Deliveries.Unit(received)));
        using var neighbour = await next.TakeTurnAsync(Deliveries.Unit(Deliveries.Event("video.started", "neighbour")));
        Assert.NotNull(neighbour);
    }

    private sealed class RunningSuspects : IDisposable
    {
        private readonly RunningWrites _running;
        private readonly PoisonMessageGuard _suspects;

        public RunningSuspects(TestDatabase database)
        {
            _running = new RunningWrites(database);
            _suspects = new PoisonMessageGuard(_running.Writes, _running.Outage, TimeProvider.System);
        }

        public Task<IDisposable?> TakeTurnAsync(UnitOfWork unit, long deliveries = 3) =>
            _suspects.TakeTurnAsync(unit, deliveries, TestContext.Current.CancellationToken);

        public Task ClearAsync(UnitOfWork unit) => _suspects.ClearAsync(unit, TestContext.Current.CancellationToken);

        public void Dispose()
        {
            _suspects.Dispose();
            _running.Dispose();
        }
    }
}
