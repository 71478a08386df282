using Npgsql;
using Processor.Worker.Inbox;
using Processor.Worker.Persistence;

namespace Processor.Worker.Tests;

public sealed class GroupCommitterTests(PostgresFixture postgres)
{
    // Time limit for operations that take milliseconds.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

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
        Assert.False(committer.Outage.Started.IsCancellationRequested);
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
        var started = committer.Outage.Started;
        var after = committer.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "after")));

        Assert.True(started.IsCancellationRequested);
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

    [Fact]
    public async Task Messages_that_cannot_be_planned_together_are_planned_one_by_one()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var received = Deliveries.Event("video.started", "j");
        await using var committer = new RunningCommitter(database);
        // Normally no two messages share an event, so planning fails with an unspecific exception.
        var one = committer.CommitAsync(Deliveries.Unit(received, Guid.NewGuid()));
        var other = committer.CommitAsync(Deliveries.Unit(received, Guid.NewGuid()));

        await committer.StartAsync();

        Assert.Equal([CommitOutcome.New, CommitOutcome.Duplicate], await Task.WhenAll(one, other).WaitAsync(Patience, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task The_neighbours_of_what_waits_for_a_newer_version_are_committed()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "newer")));
        await WriteAsNewerVersionAsync(database);
        await using var committer = new RunningCommitter(database);
        var commits = Commit(0).ToArray();

        await committer.StartAsync();
        await Assert.ThrowsAsync<NewerVersionException>(() => commits[50].WaitAsync(Patience, TestContext.Current.CancellationToken));
        await Task.WhenAll(commits.Where((_, i) => i != 50)).WaitAsync(Patience, TestContext.Current.CancellationToken);
        committer.Time.Advance(DatabaseOutage.Patience);
        var later = Commit(100).ToArray();
        await Task.WhenAll(later.Where((_, i) => i != 50)).WaitAsync(Patience, TestContext.Current.CancellationToken);

        Assert.False(committer.Outage.IsOn);
        Assert.False(committer.HasRefused);
        await Assert.ThrowsAsync<NewerVersionException>(() => later[50]);
        Assert.Equal(["198"], await database.QueryAsync("select count(*) from jobs where magic_hour_id <> 'newer'"));
        Assert.Equal(["1"], await database.QueryAsync("select count(*) from webhook_events where job_id = 'newer'"));
        Assert.Equal(["199"], await database.QueryAsync("select count(*) from inbox_state"));

        IEnumerable<Task<CommitOutcome>> Commit(int first) => Enumerable.Range(first, 100).Select(i => committer.CommitAsync(
            Deliveries.Unit(i % 100 == 50 ? Deliveries.Event("video.completed", "newer") : Deliveries.Event("video.started", $"job-{i}"))));
    }

    [Fact]
    public async Task Its_neighbours_stay_together()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "newer")));
        await WriteAsNewerVersionAsync(database);
        await using var committer = new RunningCommitter(database);
        var newer = committer.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", "newer")));
        var neighbours = Enumerable.Range(0, 99).Select(i => committer.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", $"job-{i}")))).ToArray();

        await committer.StartAsync();
        await Task.WhenAll(neighbours).WaitAsync(Patience, TestContext.Current.CancellationToken);

        Assert.Equal(["1"], await database.QueryAsync("select count(distinct xmin::text) from webhook_events where job_id <> 'newer'"));
        await Assert.ThrowsAsync<NewerVersionException>(() => newer);
    }

    [Fact]
    public async Task What_a_newer_version_has_written_is_waited_for()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "j")));
        await WriteAsNewerVersionAsync(database);
        await using var committer = await RunningCommitter.StartAsync(database);
        var received = Deliveries.Event("video.completed", "j");
        await Assert.ThrowsAsync<NewerVersionException>(
            () => committer.CommitAsync(Deliveries.Unit(received)).WaitAsync(Patience, TestContext.Current.CancellationToken));

        await database.ExecuteAsync("""update webhook_events set fact = jsonb_set(fact, '{status}', '"Rendering"')""");

        Assert.Equal(CommitOutcome.New, await committer.CommitAsync(Deliveries.Unit(received)));
        Assert.Equal(["completed"], await database.QueryAsync("select status from jobs"));
    }

    private static Task WriteAsNewerVersionAsync(TestDatabase database) =>
        database.ExecuteAsync("""update webhook_events set fact = jsonb_set(fact, '{status}', '"Archived"')""");
}
