using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Platform.DevStack;
using Processor.Worker.Inbox;
using Processor.Worker.Persistence;

namespace Processor.Worker.Tests;

/// <summary>Only a process that could work and does not is restarted.</summary>
public sealed class CommitWatchdogTests(PostgresFixture postgres)
{
    private static readonly TimeSpan AlmostTooLong = CommitWatchdog.Patience - TimeSpan.FromSeconds(1);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_commit_that_never_ends_while_the_database_answers_is_a_reason_until_it_ends()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var worker = await Worker.StartAsync(database, database.Source);
        await using var blocker = await database.Source.OpenConnectionAsync(Cancel);
        await using var transaction = await blocker.BeginTransactionAsync(Cancel);
        await using var @lock = new NpgsqlCommand("lock table webhook_events", blocker);
        await @lock.ExecuteNonQueryAsync(Cancel);
        var unit = Deliveries.Unit(Deliveries.Event("video.started", "j"));
        var commit = worker.Committer.CommitAsync(unit);
        await worker.BegunAsync();

        worker.Time.Advance(AlmostTooLong);
        var almost = await worker.CommitWatchdog.IsStuckAsync(Cancel);
        worker.Time.Advance(TimeSpan.FromSeconds(1));
        var stuck = await worker.CommitWatchdog.IsStuckAsync(Cancel);
        var (waiting, age) = (worker.Committer.UnitsWaiting, worker.Committer.OldestUnitAge);
        await transaction.RollbackAsync(Cancel);
        await unit.Committed;
        await worker.NotTryingAsync();
        var well = await worker.CommitWatchdog.IsStuckAsync(Cancel);

        Assert.Equal((false, true, false), (almost, stuck, well));
        Assert.Equal((1, true), (waiting, age >= CommitWatchdog.Patience));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => commit);
    }

    [Fact]
    public async Task A_message_that_never_gets_as_far_is_a_reason_until_it_ends()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var worker = await Worker.StartAsync(database, database.Source);

        worker.CommitWatchdog.Begin();
        worker.Time.Advance(CommitWatchdog.Patience);
        var stuck = await worker.CommitWatchdog.IsStuckAsync(Cancel);
        worker.CommitWatchdog.End();
        worker.Time.Advance(CommitWatchdog.Patience);
        var idle = await worker.CommitWatchdog.IsStuckAsync(Cancel);

        Assert.Equal((true, false), (stuck, idle));
    }

    [Fact]
    public async Task As_long_as_some_message_ends_there_is_progress()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var worker = await Worker.StartAsync(database, database.Source);

        worker.CommitWatchdog.Begin();
        worker.CommitWatchdog.Begin();
        worker.Time.Advance(AlmostTooLong);
        worker.CommitWatchdog.End();
        worker.Time.Advance(AlmostTooLong);

        Assert.False(await worker.CommitWatchdog.IsStuckAsync(Cancel));
    }

    [Fact]
    public async Task A_database_that_does_not_answer_is_no_reason()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var away = NpgsqlDataSource.Create("Host=127.0.0.1;Port=1;Username=nobody");
        await using var worker = await Worker.StartAsync(database, away);

        worker.CommitWatchdog.Begin();
        worker.Time.Advance(TimeSpan.FromDays(1));

        Assert.False(await worker.CommitWatchdog.IsStuckAsync(Cancel));
    }

    [Fact]
    public async Task A_database_that_answers_and_refuses_is_no_reason()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.ExecuteAsync("alter table webhook_events rename to away");
        await using var worker = await Worker.StartAsync(database, database.Source);
        worker.CommitWatchdog.Begin();
        var commit = worker.Committer.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "j")));

        // In steps, so that the refused commit is retried and refused repeatedly.
        await Waiting.UntilAsync("an outage", () =>
        {
            worker.Time.Advance(TimeSpan.FromSeconds(1));
            return Task.FromResult(worker.IsOutage);
        }, Cancel);
        while (worker.Time.GetElapsedTime(worker.StartedAt) < CommitWatchdog.Patience * 2)
        {
            worker.Time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        await worker.NotTryingAsync();
        Assert.False(await worker.CommitWatchdog.IsStuckAsync(Cancel));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => commit);
    }

    /// <summary>A committer that runs until the test ends, and the watchdog's view of its progress.</summary>
    private sealed class Worker : IAsyncDisposable
    {
        private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        private readonly DatabaseOutage _outage;

        private Worker(TestDatabase database, NpgsqlDataSource probed)
        {
            _outage = new DatabaseOutage(database.Source, Time, NullLogger<DatabaseOutage>.Instance);
            Committer = new GroupCommitter(
                database.Transaction, _outage, new ProcessorMetrics(_services.GetRequiredService<IMeterFactory>()), Time, NullLogger<GroupCommitter>.Instance);
            CommitWatchdog = new CommitWatchdog(Committer, _outage, probed, Time);
            StartedAt = Time.GetTimestamp();
        }

        public FakeTimeProvider Time { get; } = new();

        public long StartedAt { get; }

        public GroupCommitter Committer { get; }

        public bool IsOutage => _outage.IsOn;

        public CommitWatchdog CommitWatchdog { get; }

        public static async Task<Worker> StartAsync(TestDatabase database, NpgsqlDataSource probed)
        {
            var worker = new Worker(database, probed);
            await worker.Committer.StartAsync(Cancel);
            return worker;
        }

        /// <summary>Returns once an attempt to commit is running.</summary>
        public Task BegunAsync()
        {
            Time.Advance(TimeSpan.FromTicks(1));
            return Waiting.UntilAsync("an attempt", () =>
            {
                Time.Advance(TimeSpan.FromTicks(1));
                return Task.FromResult(Committer.AttemptAge > TimeSpan.Zero);
            }, Cancel);
        }

        /// <summary>Returns once no attempt to commit is running.</summary>
        public Task NotTryingAsync() => Waiting.UntilAsync("no attempt", () => Task.FromResult(Committer.AttemptAge == TimeSpan.Zero), Cancel);

        public async ValueTask DisposeAsync()
        {
            await Committer.StopAsync(CancellationToken.None);
            _outage.Dispose();
            await _services.DisposeAsync();
        }
    }
}
