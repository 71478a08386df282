using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Processor.Worker.Inbox;

namespace Processor.Worker.Tests;

public sealed class GroupCommitterTests(PostgresFixture postgres)
{
    [Fact]
    public async Task A_poison_message_fails_alone()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await CommittingAGroupTests.RefuseJobAsync(database, "poison");
        var units = Enumerable.Range(0, 100)
            .Select(i => Deliveries.Unit(Deliveries.Event("video.started", i == 50 ? "poison" : $"job-{i}")))
            .ToArray();

        await using var committer = await RunningCommitter.StartAsync(database);
        var commits = units.Select(committer.CommitAsync).ToArray();

        var failure = await Assert.ThrowsAsync<PostgresException>(() => commits[50]);
        Assert.Contains("this event is poison", failure.Message, StringComparison.Ordinal);
        await Task.WhenAll(commits.Where((_, i) => i != 50));
        Assert.Equal(["99"], await database.QueryAsync("select count(*) from jobs"));
    }

    [Fact]
    public async Task Copies_of_one_message_wait_for_each_other_and_count_once()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var received = Deliveries.Event("video.completed", "j");

        await using var committer = await RunningCommitter.StartAsync(database);
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => committer.CommitAsync(Deliveries.Unit(received))));

        Assert.Single(outcomes, CommitOutcome.New);
        Assert.Equal(49, outcomes.Count(outcome => outcome is CommitOutcome.Duplicate));
    }

    [Fact]
    public async Task What_waits_is_committed_together()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var committer = new RunningCommitter(database);
        var commits = Enumerable.Range(0, 300).Select(i => committer.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", $"job-{i}")))).ToArray();

        await committer.StartAsync();
        await Task.WhenAll(commits);

        Assert.Equal(["1"], await database.QueryAsync("select count(distinct xmin::text) from webhook_events"));
    }

    [Fact]
    public async Task A_short_outage_is_waited_out()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.ExecuteAsync("alter table webhook_events rename to away");

        await using var committer = await RunningCommitter.StartAsync(database);
        var commit = committer.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "j")));
        await committer.RefusedAsync();
        Assert.False(commit.IsCompleted);
        await database.ExecuteAsync("alter table away rename to webhook_events");
        committer.Time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(CommitOutcome.New, await commit);
        Assert.False(committer.Outage.Begun.IsCancellationRequested);
    }

    [Fact]
    public async Task A_long_outage_gives_everything_back_and_fails_nothing()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.ExecuteAsync("alter table webhook_events rename to away");

        await using var committer = await RunningCommitter.StartAsync(database);
        var held = committer.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "held")));
        await committer.RefusedAsync();
        committer.Time.Advance(DatabaseOutage.Patience);
        var begun = committer.Outage.Begun;
        var after = committer.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "after")));

        Assert.True(begun.IsCancellationRequested);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => held);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => after);
    }

    [Fact]
    public async Task An_outage_ends_with_the_write_that_met_it()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.ExecuteAsync("alter table webhook_events rename to away");
        await using var committer = await RunningCommitter.StartAsync(database);
        var unit = Deliveries.Event("video.started", "j");
        var held = committer.CommitAsync(Deliveries.Unit(unit));
        await committer.RefusedAsync();
        committer.Time.Advance(DatabaseOutage.Patience);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => held);

        await database.ExecuteAsync("alter table away rename to webhook_events");
        await committer.EndAsync();

        Assert.Equal(CommitOutcome.Duplicate, await committer.CommitAsync(Deliveries.Unit(unit)));
        Assert.Equal(["1"], await database.QueryAsync("select count(*) from webhook_events"));
    }

    /// <summary>A committer that runs until the test ends.</summary>
    private sealed class RunningCommitter : IAsyncDisposable
    {
        private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        private readonly RefusalWatch _watch = new();
        private readonly GroupCommitter _committer;

        public RunningCommitter(TestDatabase database)
        {
            Outage = new DatabaseOutage(database.Source, Time, _watch);
            _committer = new GroupCommitter(
                database.Transaction, Outage, new ProcessorMetrics(_services.GetRequiredService<IMeterFactory>()), Time, NullLogger<GroupCommitter>.Instance);
        }

        public FakeTimeProvider Time { get; } = new();

        public DatabaseOutage Outage { get; }

        public static async Task<RunningCommitter> StartAsync(TestDatabase database)
        {
            var committer = new RunningCommitter(database);
            await committer.StartAsync();
            return committer;
        }

        public Task StartAsync() => _committer.StartAsync(TestContext.Current.CancellationToken);

        public Task<CommitOutcome> CommitAsync(UnitOfWork unit) => _committer.CommitAsync(unit);

        /// <summary>Returns when the database has refused a group.</summary>
        public Task RefusedAsync() => _watch.Refused.WaitAsync(TestContext.Current.CancellationToken);

        /// <summary>Lets time pass until the outage is over.</summary>
        public async Task EndAsync()
        {
            var end = Outage.WaitForEndAsync(TestContext.Current.CancellationToken);
            while (!end.IsCompleted)
            {
                Time.Advance(TimeSpan.FromSeconds(1));
                await Task.Yield();
            }
        }

        public async ValueTask DisposeAsync()
        {
            await _committer.StopAsync(CancellationToken.None);
            Outage.Dispose();
            await _services.DisposeAsync();
        }
    }

    /// <summary>Tells when a write is refused: it is logged once its next attempt is set.</summary>
    private sealed class RefusalWatch : ILogger<DatabaseOutage>
    {
        private readonly TaskCompletionSource _refused = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Refused => _refused.Task;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (eventId.Name == "LogRefused")
            {
                _refused.TrySetResult();
            }
        }
    }
}
