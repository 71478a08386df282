using Microsoft.Extensions.Time.Testing;
using Npgsql;
using Platform.DevStack;
using Processor.Worker.Backlog;
using Processor.Worker.Jobs;
using Processor.Worker.Persistence;
using Processor.Worker.Reconciliation;

namespace Processor.Worker.Tests;

/// <summary>The table of checks, and the lock of the one that works on it.</summary>
public sealed class JobChecksTests(PostgresFixture postgres)
{
    private readonly FakeTimeProvider _time = new(Deliveries.Noon);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_job_without_an_end_or_that_failed_lately_is_planned_once_by_its_tool_or_its_kind()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.RegisterAsync(Owners.Register("registered"));
        await database.CommitAsync(
            Deliveries.Unit(Deliveries.Event("""{"type":"video.started","payload":{"id":"slow","type":"VIDEO_TO_VIDEO"} }""")),
            Deliveries.Unit(Deliveries.Event("""{"type":"video.started","payload":{"id":"new tool","type":"TELEPORT"} }""")),
            Deliveries.Unit(Deliveries.Event("""{"type":"image.started","payload":{"id":"image","type":"FACE_SWAP"} }""")),
            Deliveries.Unit(Deliveries.Event("video.started", "old", Deliveries.Noon.AddDays(-30))),
            Deliveries.Unit(Deliveries.Event("video.completed", "completed")),
            Deliveries.Unit(Deliveries.Event("video.errored", "failed", Deliveries.Noon.AddMinutes(-1))),
            Deliveries.Unit(Deliveries.Event("video.errored", "failed long ago", Deliveries.Noon.AddDays(-1))),
            Deliveries.Unit(Deliveries.Event("video.canceled", "canceled")));
        var checks = Checks(database);

        Assert.Equal((6, 0), (await checks.PlanAsync(Cancel), await checks.PlanAsync(Cancel)));

        Assert.Equal(
            ["failed 00:09:00 video", "image 00:02:00 image", "new tool 00:05:51 video", "old 00:00:00 video", "registered 00:05:51 video", "slow 00:38:36 video"],
            await database.QueryAsync("select job_id || ' ' || next_check_at - '2026-11-23 12:00:00Z' || ' ' || kind from job_checks order by job_id"));
    }

    [Fact]
    public async Task Unfinished_jobs_are_found_by_the_index_among_many_others()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.ExecuteAsync(
            """
            insert into jobs (magic_hour_id, resource, status, created_at, updated_at)
            select 'j' || i, 'video', case when i % 1000 = 0 then 'rendering' else 'completed' end, now(), now() from generate_series(1, 50000) as i;
            analyze jobs
            """);

        var plan = await database.QueryAsync(
            "explain select from jobs where status in ('queued', 'rendering') and not exists (select from job_checks where job_id = magic_hour_id)");

        Assert.Contains(plan, line => line.Contains("jobs_unfinished", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Jobs_that_failed_lately_are_found_by_the_index_among_many_others()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.ExecuteAsync(
            """
            insert into jobs (magic_hour_id, resource, status, created_at, updated_at, failed_at)
            select 'j' || i, 'video', 'failed', now(), now(), now() - i * interval '1 hour' from generate_series(1, 50000) as i;
            analyze jobs
            """);

        var plan = await database.QueryAsync(
            """
            explain select from jobs
            where status = 'failed' and failed_at > now() - interval '1 day' and not exists (select from job_checks where job_id = magic_hour_id)
            """);

        Assert.Contains(plan, line => line.Contains("jobs_failed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_failed_job_has_one_check_some_time_after_its_failure()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.started", "j")));
        var checks = Checks(database);
        await checks.PlanAsync(Cancel);
        _time.Advance(TimeSpan.FromMinutes(6));
        var rendering = Assert.Single(await checks.FindDueAsync(10, [], Cancel));
        await checks.RecordAsync(rendering.Check with { Attempts = 1, NextCheckAt = _time.GetUtcNow().AddMinutes(1) }, Cancel);
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.errored", "j", _time.GetUtcNow())));

        // The row of the unfinished job goes, that of the failed one comes.
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Empty(await checks.FindDueAsync(10, [], Cancel));
        Assert.Equal(1, await checks.PlanAsync(Cancel));
        _time.Advance(TimeSpan.FromMinutes(8));
        Assert.Empty(await checks.FindDueAsync(10, [], Cancel));
        _time.Advance(TimeSpan.FromMinutes(1));
        var failed = Assert.Single(await checks.FindDueAsync(10, [], Cancel));
        await checks.RecordAsync(failed.Check with { Attempts = 1, NextCheckAt = _time.GetUtcNow() + Reconciling.Schedule.FailedFor }, Cancel);

        Assert.Equal((JobStatus.Failed, 0), (failed.Status, failed.Check.Attempts));
        for (var i = 0; i < 3; i++)
        {
            _time.Advance(TimeSpan.FromHours(12));
            Assert.Equal(0, await checks.PlanAsync(Cancel));
            Assert.Empty(await checks.FindDueAsync(10, [], Cancel));
        }

        Assert.Empty(await database.QueryAsync("select job_id from job_checks"));
    }

    [Fact]
    public async Task A_due_check_is_found_unless_it_is_in_flight_and_deleted_when_its_job_has_ended()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.CommitAsync([.. new[] { "a", "b", "ended" }.Select(job => Deliveries.Unit(Deliveries.Event("video.started", job)))]);
        var checks = Checks(database);
        await checks.PlanAsync(Cancel);
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", "ended")));

        Assert.Empty(await checks.FindDueAsync(10, [], Cancel));
        _time.Advance(TimeSpan.FromMinutes(6));
        var due = await checks.FindDueAsync(10, [], Cancel);
        var rest = Assert.Single(await checks.FindDueAsync(10, ["a"], Cancel));
        await checks.RecordAsync(rest.Check with { NextCheckAt = _time.GetUtcNow().AddMinutes(1) }, Cancel);

        Assert.Equal(["a", "b"], due.Select(one => one.Check.JobId).Order());
        Assert.All(due, one => Assert.Equal(JobStatus.Rendering, one.Status));
        Assert.Equal(["a", "b"], await database.QueryAsync("select job_id from job_checks order by job_id"));
        Assert.Equal("a", Assert.Single(await checks.FindDueAsync(10, [], Cancel)).Check.JobId);
    }

    [Fact]
    public async Task The_backlog_is_what_is_due_and_what_is_given_up_until_it_ends_after_all()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await database.CommitAsync([.. new[] { "a", "b", "c" }.Select(job => Deliveries.Unit(Deliveries.Event("video.started", job)))]);
        var checks = Checks(database);
        await checks.PlanAsync(Cancel);
        _time.Advance(TimeSpan.FromMinutes(6));
        var due = await checks.FindDueAsync(2, [], Cancel);
        await checks.RecordAsync(due[0].Check with { State = CheckState.GivenUp }, Cancel);
        await checks.RecordAsync(due[1].Check with { NextCheckAt = _time.GetUtcNow().AddHours(2) }, Cancel);

        var backlog = await CheckBacklog.ReadAsync(database.Source, _time.GetUtcNow(), Cancel);
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event("video.completed", due[0].Check.JobId)));
        await checks.ForgetEndedAsync(Cancel);
        var later = await CheckBacklog.ReadAsync(database.Source, _time.GetUtcNow(), Cancel);

        Assert.Equal(new CheckBacklog(1, TimeSpan.FromSeconds(9), 1), backlog);
        Assert.Equal(new CheckBacklog(1, TimeSpan.FromSeconds(9), 0), later);
    }

    [Fact]
    public async Task One_holds_the_lock_and_another_has_it_when_the_session_ends()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        var (one, other) = (Lock(database), Lock(database));
        var held = await one.AcquireAsync(Cancel);
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var kept = held.KeepAsync(stopping.Token);

        var waiting = other.AcquireAsync(Cancel);
        await Waiting.UntilAsync(
            "the other has tried", async () => await database.QueryAsync(
                "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'processor-worker reconcile' and query like '%pg_try_advisory_lock%'") is ["2"] or ["1"],
            Cancel);
        Assert.False(waiting.IsCompleted);
        // As when the machine of the first is lost.
        await database.ExecuteAsync(
            "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())");

        await using var taken = await waiting.WaitAsync(TimeSpan.FromSeconds(30), Cancel);
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => kept);
        await held.DisposeAsync();
    }

    [Fact]
    public async Task A_holder_that_is_suspended_loses_the_lock_within_30_seconds()
    {
        await using var database = await postgres.CreateDatabaseAsync();
        await using var suspended = await Lock(database).AcquireAsync(Cancel);

        await using var taken = await Lock(database).AcquireAsync(Cancel).WaitAsync(TimeSpan.FromSeconds(30), Cancel);

        await Assert.ThrowsAnyAsync<NpgsqlException>(() => suspended.KeepAsync(Cancel));
    }

    private JobChecks Checks(TestDatabase database) => new(database.Source, Reconciling.Schedule, _time);

    private static ReplicaLock Lock(TestDatabase database) => new(AdvisoryLocks.Reconcile, database.Sessions, TimeProvider.System);
}
