using System.Text;

namespace Platform.IntegrationTests;

/// <summary>A rollback: a newer worker has written the state of some jobs, and an older one receives their next events.</summary>
public sealed class ANewerVersionTests(ServersFixture servers)
{
    private const int NewerJobs = 60;

    [Fact]
    public async Task Its_jobs_wait_for_it_and_keep_no_other_from_being_processed()
    {
        await using var platform = await TestPlatform.CreateAsync(servers);
        await platform.StartIngressAsync();
        // Fewer messages in flight than waiting, one of them for a long time.
        await platform.StartWorkerAsync(settings: new Dictionary<string, string?> { ["Events__InWork"] = "32" });
        await platform.SendAsync(Events("started", "newer", NewerJobs));
        await platform.CountAsync(NewerJobs, "select count(*) from jobs where status = 'rendering'");
        await platform.ExecuteAsync("""update webhook_events set fact = jsonb_set(fact, '{status}', '"Archived"')""");

        await platform.SendAsync(Events("completed", "newer", NewerJobs));
        await platform.SendAsync(Events("completed", "first", 100));
        await platform.CountAsync(100, "select count(*) from jobs where magic_hour_id like 'first-%' and status = 'completed'");
        await platform.SendAsync(Events("completed", "second", 100));
        await platform.CountAsync(100, "select count(*) from jobs where magic_hour_id like 'second-%' and status = 'completed'");
        var stillWaiting = await platform.QueryAsync<long>("select count(*) from jobs where magic_hour_id like 'newer-%' and status = 'rendering'");
        await platform.ExecuteAsync("""update webhook_events set fact = jsonb_set(fact, '{status}', '"Rendering"') where job_id like 'newer-%'""");

        await platform.CountAsync(NewerJobs, "select count(*) from jobs where magic_hour_id like 'newer-%' and status = 'completed'");
        await platform.AssertDrainedAsync();
        Assert.Equal(NewerJobs, stillWaiting);
        Assert.DoesNotContain(platform.Logs, log => log.Contains("The database is unavailable", StringComparison.Ordinal));
        Assert.Equal(0, await platform.QueryAsync<long>("select count(*) from delivery_attempts"));
    }

    private static byte[][] Events(string action, string name, int count) =>
        [.. Enumerable.Range(0, count).Select(i => Encoding.UTF8.GetBytes($$$"""{"type":"video.{{{action}}}","payload":{"id":"{{{name}}}-{{{i}}}"}}"""))];
}
