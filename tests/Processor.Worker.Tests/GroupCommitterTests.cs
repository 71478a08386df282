using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
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
    public async Task An_outage_fails_nothing()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.ExecuteAsync("alter table webhook_events rename to away");

        await using var committer = await RunningCommitter.StartAsync(database);
        var commit = committer.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "j")));
        await committer.PausedAsync();
        Assert.False(commit.IsCompleted);
        await database.ExecuteAsync("alter table away rename to webhook_events");
        committer.Time.Advance(TimeSpan.FromSeconds(30));

        Assert.Equal(CommitOutcome.New, await commit);
    }

    /// <summary>A committer that runs until the test ends.</summary>
    private sealed class RunningCommitter : IAsyncDisposable
    {
        private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        private readonly PauseWatch _watch = new();
        private readonly GroupCommitter _committer;

        public RunningCommitter(TestDatabase database) => _committer = new GroupCommitter(
            database.Transaction, new ProcessorMetrics(_services.GetRequiredService<IMeterFactory>()), Time, _watch);

        public FakeTimeProvider Time { get; } = new();

        public static async Task<RunningCommitter> StartAsync(TestDatabase database)
        {
            var committer = new RunningCommitter(database);
            await committer.StartAsync();
            return committer;
        }

        public Task StartAsync() => _committer.StartAsync(TestContext.Current.CancellationToken);

        public Task<CommitOutcome> CommitAsync(UnitOfWork unit) => _committer.CommitAsync(unit);

        /// <summary>Returns when the committer has met an outage.</summary>
        public Task PausedAsync() => _watch.Paused.WaitAsync(TestContext.Current.CancellationToken);

        public async ValueTask DisposeAsync()
        {
            await _committer.StopAsync(CancellationToken.None);
            await _services.DisposeAsync();
        }
    }

    /// <summary>Tells when a pause begins: it is logged once its end is set.</summary>
    private sealed class PauseWatch : ILogger<GroupCommitter>
    {
        private readonly TaskCompletionSource _paused = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Paused => _paused.Task;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (eventId.Name == "LogPaused")
            {
                _paused.TrySetResult();
            }
        }
    }
}
