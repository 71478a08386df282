using Platform.Contracts;
using Platform.Simulator.Storms;
using Platform.Simulator.Verdicts;

namespace Platform.Simulator.Tests;

/// <summary>A verdict on what a real storm left, untouched and tampered with.</summary>
[Collection<OnStormedPlatform>]
public sealed class VerdictTests(StormedPlatform platform)
{
    private StormEvent Completed => platform.Ledger.Events.First(webhook =>
        webhook is { Type: "video.completed", Expected: Expectation.Applied, Bodies.Count: 1 }
        && platform.Ledger.Events.Count(other => other.JobId == webhook.JobId) == 1);

    private StormEvent Unusable => platform.Ledger.Events.First(webhook => webhook.IsKeptAside);

    private StormEvent Forgery => platform.Ledger.Events.First(webhook => webhook.Expected is Expectation.Refused);

    [Fact]
    public async Task What_the_platform_made_of_a_storm_is_clean()
    {
        await using var database = await platform.CopyAsync();

        var verdict = await database.JudgeAsync();

        Assert.True(verdict is { IsClean: true, IsSettled: true }, string.Join('\n', verdict.Lines));
        Assert.Equal(300, verdict.Accepted);
        Assert.Equal(300, verdict.Applied + verdict.Quarantined);
        Assert.True(verdict is { Quarantined: > 0, Duplicates: > 0, Late: > 0 });
    }

    [Theory]
    [InlineData("delete from webhook_events where event_id = '{0}'", "no row")]
    [InlineData("delete from webhook_bodies where event_id = '{0}'", "no body")]
    public async Task A_deleted_event_that_was_accepted_counts_as_lost(string tampering, string what)
    {
        await using var database = await platform.CopyAsync();
        await database.ExecuteAsync(string.Format(null, tampering, Completed.MessageId));

        var verdict = await database.JudgeAsync();

        Assert.False(verdict.IsClean);
        Assert.Contains($"{Completed} ({Completed.MessageId}): {what}", Assert.Single(verdict.Lost.First), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_deleted_from_quarantine_counts_as_lost()
    {
        await using var database = await platform.CopyAsync();
        await database.ExecuteAsync($"delete from quarantined_events where body_sha256 = '\\x{Unusable.BodyHashes[0]}'");

        Assert.Equal(1, (await database.JudgeAsync()).Lost.Count);
    }

    [Theory]
    [InlineData(Topology.ErrorQueue)]
    [InlineData(Topology.DeadLetterQueue)]
    [InlineData(Topology.WebhookReceivedQueue)]
    public async Task What_is_in_a_queue_is_not_lost_and_stays_there(string queue)
    {
        await using var database = await platform.CopyAsync();
        await database.ExecuteAsync($"delete from webhook_events where event_id = '{Completed.MessageId}'");
        await database.ExecuteAsync($"delete from jobs where magic_hour_id = '{Completed.JobId}'");
        await platform.ParkAsync(queue, Completed.MessageId);

        var verdicts = new[] { await database.JudgeAsync(), await database.JudgeAsync() };
        await platform.EmptyQueuesAsync();

        Assert.All(verdicts, verdict => Assert.True(verdict.IsClean, string.Join('\n', verdict.Lines)));
        Assert.All(verdicts, verdict => Assert.Equal(1, verdict.Parked.Count + verdict.Dead.Count + verdict.InFlight.Count));
        Assert.All(verdicts, verdict => Assert.Equal(queue != Topology.WebhookReceivedQueue, verdict.IsSettled));
    }

    [Theory]
    [InlineData("insert into inbox_state values ('{0}', gen_random_uuid(), now())", "2 rows in inbox_state")]
    [InlineData(
        "insert into webhook_bodies select event_id, 7, received_at, body from webhook_bodies where event_id = '{0}'", "2 rows of one body")]
    [InlineData(
        """
        alter table webhook_events drop constraint webhook_events_pkey;
        insert into webhook_events select * from webhook_events where event_id = '{0}'
        """,
        "2 rows in webhook_events")]
    public async Task What_is_there_twice_is_doubled(string tampering, string what)
    {
        await using var database = await platform.CopyAsync();
        await database.ExecuteAsync(string.Format(null, tampering, Completed.MessageId));

        var verdict = await database.JudgeAsync();

        Assert.False(verdict.IsClean);
        Assert.Equal($"{Completed} ({Completed.MessageId}): {what}", Assert.Single(verdict.Doubled.First));
    }

    [Fact]
    public async Task An_event_that_was_never_sent_is_a_phantom()
    {
        await using var database = await platform.CopyAsync();
        var jobId = platform.Ledger.JobIdPrefix + "phantom";
        await database.ExecuteAsync(
            $"""
            create temporary table phantom as select * from webhook_events where event_id = '{Completed.MessageId}';
            update phantom set event_id = '{EventIdentity.Create(Completed.Type, jobId)}', job_id = '{jobId}';
            insert into webhook_events select * from phantom;
            insert into jobs (magic_hour_id, resource, status, created_at, updated_at) values ('{jobId}', 'video', 'completed', now(), now());
            """);

        var verdict = await database.JudgeAsync();

        Assert.False(verdict.IsClean);
        Assert.Equal([$"video.completed {jobId}: never sent", $"{jobId}: a job that was never sent"], verdict.Phantom.First);
    }

    [Fact]
    public async Task A_forged_body_is_a_phantom_wherever_it_is()
    {
        await using var database = await platform.CopyAsync();
        var body = Convert.ToHexStringLower(Forgery.Bodies[0]);
        await database.ExecuteAsync(
            $"""
            insert into webhook_bodies values ('{Forgery.MessageId}', 5, now(), '\x{body}');
            insert into quarantined_events select '\x{Forgery.BodyHashes[0]}', reason, '\x{body}', received_at, sent_at, secret_name, delivery_id
            from quarantined_events limit 1;
            """);

        var verdict = await database.JudgeAsync();

        Assert.False(verdict.IsClean);
        Assert.Equal([$"{Forgery.MessageId}: a body that was never signed", $"{Forgery}: a forgery in quarantine"], verdict.Phantom.First);
    }

    [Theory]
    [InlineData("update jobs set status = 'failed' where magic_hour_id = '{1}'", "{1}: status is failed, not completed")]
    [InlineData("update jobs set credits_charged = 1 where magic_hour_id = '{1}'", "{1}: credits_charged is 1, not ")]
    [InlineData("update jobs set downloads = '[]' where magic_hour_id = '{1}'", "{1}: downloads is ")]
    [InlineData("update jobs set completed_at = completed_at + interval '1 us' where magic_hour_id = '{1}'", "{1}: completed_at")]
    [InlineData("update jobs set started_at = completed_at where magic_hour_id = '{1}'", "{1}: started_at")]
    [InlineData("update jobs set created_at = now() where magic_hour_id = '{1}'", "{1}: created_at")]
    [InlineData("delete from jobs where magic_hour_id = '{1}'", "{1}: no row")]
    [InlineData("delete from inbox_state where message_id = '{0}'", "{2} ({0}): not in the inbox")]
    public async Task A_row_that_is_not_what_its_events_make_of_it_is_wrong(string tampering, string what)
    {
        await using var database = await platform.CopyAsync();
        await database.ExecuteAsync(string.Format(null, tampering, Completed.MessageId, Completed.JobId));

        var verdict = await database.JudgeAsync();

        Assert.False(verdict.IsClean);
        var expected = string.Format(null, what, Completed.MessageId, Completed.JobId, Completed);
        Assert.StartsWith(expected, Assert.Single(verdict.Wrong.First), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_that_was_changed_is_lost_and_a_phantom()
    {
        await using var database = await platform.CopyAsync();
        await database.ExecuteAsync($"update webhook_bodies set body = body || '\\x20' where event_id = '{Completed.MessageId}'");

        var verdict = await database.JudgeAsync();

        Assert.Equal((1, 1), (verdict.Lost.Count, verdict.Phantom.Count));
    }

    [Fact]
    public async Task What_was_applied_and_never_answered_2xx_is_a_ghost_and_no_failure()
    {
        await using var database = await platform.CopyAsync();
        var index = platform.Ledger.Events.ToList().IndexOf(Completed);
        var unanswered = new Ledger(platform.Ledger.Settings, platform.Ledger.JobIdPrefix, platform.Ledger.Events);
        foreach (var attempt in platform.Ledger.Attempts)
        {
            unanswered.Record(attempt.Event == index ? attempt with { Status = null } : attempt);
        }

        var verdict = await database.JudgeAsync(unanswered);

        Assert.True(verdict.IsClean, string.Join('\n', verdict.Lines));
        Assert.Equal($"{Completed} ({Completed.MessageId})", Assert.Single(verdict.Ghosts.First));
    }

    [Fact]
    public async Task Domain_events_are_judged_when_somebody_listened()
    {
        await using var database = await platform.CopyAsync();
        var completed = platform.Ledger.Events
            .Where(webhook => webhook.Expected is Expectation.Applied && webhook.Type.EndsWith(".completed", StringComparison.Ordinal))
            .ToDictionary(webhook => webhook.MessageId, _ => 1);

        var all = await database.JudgeAsync(new VerdictOptions { DomainEvents = completed });
        var twice = new Dictionary<Guid, int>(completed) { [Completed.MessageId] = 2 };
        var repeated = await database.JudgeAsync(new VerdictOptions { DomainEvents = twice });
        var doubled = await database.JudgeAsync(new VerdictOptions { DomainEvents = twice, MayRepeatDomainEvents = false });
        completed.Remove(Completed.MessageId);
        var lost = await database.JudgeAsync(new VerdictOptions { DomainEvents = completed });

        Assert.True(all.IsClean && repeated.IsClean);
        Assert.Equal($"{Completed} ({Completed.MessageId}): 2 domain events", Assert.Single(doubled.Doubled.First));
        Assert.Equal($"{Completed} ({Completed.MessageId}): no domain event", Assert.Single(lost.Lost.First));
    }
}
