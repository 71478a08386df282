using Microsoft.Extensions.Time.Testing;
using Platform.DevStack;
using Processor.Worker.Downloads;
using Processor.Worker.Jobs;
using Processor.Worker.Persistence;

namespace Processor.Worker.Tests;

/// <summary>Requests for fresh URLs: at most one question for each job and minute, whoever asks.</summary>
public sealed class DownloadRefreshesTests(PostgresFixture postgres)
{
    private readonly FakeTimeProvider _time = new(Deliveries.Noon);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Many_requests_at_once_are_one_question()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var reconciler = await database.BeReconcilerAsync();
        var refreshes = Refreshes(database);

        var requests = await Task.WhenAll(Enumerable.Range(0, 15).Select(_ => Refreshes(database).RequestAsync("j", "video", Cancel)));
        await Refreshes(database).RequestAsync("other", "audio", Cancel);

        // One that runs at the same moment as the first may not see it yet.
        Assert.Contains(requests, request => request is { State: RefreshState.Open });
        Assert.All(requests, request => Assert.True(request is null or { State: RefreshState.Open }));
        Assert.Equal(["j video", "other audio"], (await refreshes.TakeAsync(10, Cancel)).Select(one => $"{one.JobId} {one.Kind}").Order());
        Assert.Empty(await refreshes.TakeAsync(10, Cancel));
    }

    [Fact]
    public async Task Within_a_minute_of_the_question_its_answer_is_the_answer_to_everyone()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var reconciler = await database.BeReconcilerAsync();
        var refreshes = Refreshes(database);
        await refreshes.RequestAsync("j", "video", Cancel);
        // The reconciler was busy: the minute counts from the question.
        _time.Advance(TimeSpan.FromSeconds(50));
        await refreshes.TakeAsync(10, Cancel);
        await refreshes.AnswerAsync("j", Refreshing.Offer("j", Deliveries.Noon.AddDays(1)), Cancel);

        _time.Advance(TimeSpan.FromSeconds(59));
        var within = await refreshes.RequestAsync("j", "video", Cancel);
        var taken = await refreshes.TakeAsync(10, Cancel);
        _time.Advance(TimeSpan.FromSeconds(1));
        var after = await refreshes.RequestAsync("j", "video", Cancel);

        Assert.Equal((RefreshState.Refreshed, "completed"), (within!.State, within.Answer));
        Assert.Equal([new VisibleDownload(Refreshing.Url("j", "fresh"), $"{Deliveries.Noon.AddDays(1):O}")], within.Downloads);
        Assert.Empty(taken);
        Assert.Equal(new RefreshAnswer(RefreshState.Open), after);
        Assert.Equal(new RefreshAnswer(RefreshState.Open), await refreshes.FindAsync("j", Cancel));
        Assert.Single(await refreshes.TakeAsync(10, Cancel));
    }

    [Fact]
    public async Task Without_a_reconciler_nothing_is_requested()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var refreshes = Refreshes(database);

        var before = await refreshes.RequestAsync("j", "video", Cancel);
        await using (await database.BeReconcilerAsync())
        {
            Assert.NotNull(await refreshes.RequestAsync("k", "video", Cancel));
        }

        // The server ends the session a moment after it is closed.
        await Waiting.UntilAsync("the lock is released", async () => await database.QueryAsync($"select {AdvisoryLocks.IsHeld(AdvisoryLocks.Reconcile)}") is ["False"], Cancel);
        Assert.Null(before);
        Assert.Null(await refreshes.RequestAsync("j", "video", Cancel));
        Assert.Equal(["k"], await database.QueryAsync("select job_id from download_refreshes"));
    }

    [Fact]
    public async Task The_reconciler_of_another_database_does_not_count()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var other = await postgres.CreateDatabaseAsync();
        await using var reconciler = await other.BeReconcilerAsync();

        Assert.Null(await Refreshes(database).RequestAsync("j", "video", Cancel));
        Assert.NotNull(await Refreshes(other).RequestAsync("j", "video", Cancel));
    }

    [Fact]
    public async Task A_request_that_is_a_minute_old_is_no_longer_asked_and_may_be_made_again()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var reconciler = await database.BeReconcilerAsync();
        var refreshes = Refreshes(database);
        await refreshes.RequestAsync("j", "video", Cancel);
        _time.Advance(DownloadRefreshes.Interval);

        Assert.Empty(await refreshes.TakeAsync(10, Cancel));
        Assert.NotNull(await refreshes.RequestAsync("j", "video", Cancel));
        Assert.Single(await refreshes.TakeAsync(10, Cancel));
    }

    [Fact]
    public async Task One_whose_reconciler_crashes_is_not_asked_again_within_the_minute()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var reconciler = await database.BeReconcilerAsync();
        var refreshes = Refreshes(database);
        await refreshes.RequestAsync("j", "video", Cancel);
        await refreshes.TakeAsync(10, Cancel);

        _time.Advance(TimeSpan.FromSeconds(59));

        Assert.Equal(new RefreshAnswer(RefreshState.Open), await refreshes.RequestAsync("j", "video", Cancel));
        Assert.Empty(await refreshes.TakeAsync(10, Cancel));
    }

    [Fact]
    public async Task Requests_are_refused_without_a_question_unless_one_is_in_flight()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var reconciler = await database.BeReconcilerAsync();
        var refreshes = Refreshes(database);
        await refreshes.RequestAsync("asked", "video", Cancel);
        await refreshes.TakeAsync(10, Cancel);
        await refreshes.RequestAsync("j", "video", Cancel);

        await refreshes.RefuseAsync("key_rejected", Cancel);

        Assert.Equal(new RefreshAnswer(RefreshState.Unavailable, "key_rejected"), await refreshes.RequestAsync("j", "video", Cancel));
        Assert.Equal(new RefreshAnswer(RefreshState.Open), await refreshes.RequestAsync("asked", "video", Cancel));
        Assert.Empty(await refreshes.TakeAsync(10, Cancel));
    }

    [Fact]
    public async Task Rows_are_deleted_after_an_hour_and_found_by_an_index()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var reconciler = await database.BeReconcilerAsync();
        var refreshes = Refreshes(database);
        await refreshes.RequestAsync("old", "video", Cancel);
        _time.Advance(DownloadRefreshes.Lifetime);
        await refreshes.RequestAsync("new", "video", Cancel);

        await refreshes.ForgetAsync(Cancel);
        var left = await database.QueryAsync("select job_id from download_refreshes");
        await database.ExecuteAsync(
            """
            insert into download_refreshes (job_id, kind, state, requested_at)
            select 'j' || i, 'video', 'refreshed', now() - interval '10 minutes' from generate_series(1, 20000) as i;
            analyze download_refreshes
            """);
        var plan = await database.QueryAsync(
            "explain select from download_refreshes where state = 'open' and requested_at > now() - interval '1 minute' order by requested_at limit 20");

        Assert.Equal(["new"], left);
        Assert.Contains(plan, line => line.Contains("download_refreshes_requested_at", StringComparison.Ordinal));
    }

    private DownloadRefreshes Refreshes(TestDatabase database) => new(database.Source, _time);
}
