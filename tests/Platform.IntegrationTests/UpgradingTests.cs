using Npgsql;
using Platform.Contracts;
using Platform.DevStack;
using Platform.Simulator.Storms;
using Platform.Simulator.Verdicts;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>The data and the worker of the last release, together with this version.</summary>
public sealed class UpgradingTests(ServersFixture servers)
{
    // Neither version stores anything of this job.
    private const string Erased = "to-erase";

    // With what later events may not change.
    private const string Completed =
        "select array_agg(magic_hour_id || row(name, user_id, created_at, completed_at, credits_charged)::text) from jobs where status = 'completed'";

    private static readonly Dictionary<string, string?> OfIngress = new() { ["Accounting__ReportInterval"] = "00:00:01" };

    // Nothing of the recorded data is too old, however long ago it was recorded.
    private static readonly Dictionary<string, string?> OfWorker = new() { ["Retention__Events"] = "00:00:00", ["Retention__Schedule"] = "" };

    [Fact]
    public async Task Workers_of_both_versions_share_the_data_of_the_last_release_and_the_old_one_works_alone_on_the_new_schema()
    {
        var release = ReleaseData.Last;
        var old = await PreviousWorker.FindAsync(release.Tag, Cancel);
        TestContext.Current.TestOutputHelper!.WriteLine(old.Description);
        await using var platform = await CreateAsync(servers, isMigrated: false);
        await release.RestoreAsync(platform.ConnectionString, Cancel);
        var completed = await platform.QueryAsync<string[]>(Completed);

        await platform.MigrateAsync();
        await release.PublishAsync(platform.RabbitMq, Cancel);
        await platform.StartWorkerAsync(settings: OfWorker, assembly: old.Assembly);
        var added = await platform.StartWorkerAsync(settings: OfWorker);
        await platform.StartIngressAsync(settings: OfIngress);
        await AssertStormIsCleanAsync(platform, seed: 1);
        await AssertAllIsAppliedAsync(platform, release);

        await added.StopAsync(Cancel);
        await AssertStormIsCleanAsync(platform, seed: 2);

        Assert.NotEmpty(completed);
        Assert.Empty(completed.Except(await platform.QueryAsync<string[]>(Completed)));
        var rebuild = await Services.RunVerbAsync(platform.RabbitMq, platform.ConnectionString, ["rebuild", "--check"], Cancel);
        Assert.True(rebuild.Succeeded, rebuild.Output);
        Assert.Equal(0, await Accounts.CountOpenAtRestAsync(platform.ConnectionString, Cancel));
        await platform.AssertDrainedAsync();
    }

    private static async Task AssertStormIsCleanAsync(TestPlatform platform, int seed)
    {
        var plan = StormPlan.Create(new StormSettings { Seed = seed, Events = 300, Rate = 100, TimeCompression = 120 }, TimeProvider.System.GetUtcNow());
        using var storm = new Storm(plan, [new StormTarget($"http://{platform.Ingresses[0].Webhook.Authority}", Secret)], TimeProvider.System);
        await storm.RunAsync(Cancel);

        var verdict = await Verdict.JudgeAsync(storm.Ledger, platform.ConnectionString, platform.RabbitMq, new VerdictOptions(), Cancel);

        Assert.True(verdict.IsClean && verdict.IsSettled, string.Join('\n', verdict.Lines));
    }

    /// <summary>What waited in the queues of the release has its effect, and what it had parked can be released.</summary>
    private static async Task AssertAllIsAppliedAsync(TestPlatform platform, ReleaseData release)
    {
        (await platform.ReleaseAsync("--error")).ThrowIfFailed("release");
        Guid[] waiting =
        [
            .. release.Messages
                .Where(message => message.Is(nameof(WebhookReceived)) && message.JobId != Erased)
                .Select(message => new Guid(message.MessageId!)),
        ];
        await using var command = platform.Database.CreateCommand("select count(*) from webhook_events where event_id = any($1)");
        command.Parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = waiting });
        await Waiting.UntilAsync(
            "all that waited is applied", async () => (long)(await command.ExecuteScalarAsync(Cancel))! == waiting.Distinct().Count(), Cancel, TimeSpan.FromSeconds(30));
        await platform.CountAsync(3, "select count(*) from jobs where magic_hour_id in ('waiting', 'rendering', 'parked') and status = 'completed'");
        await platform.CountAsync(1, "select count(*) from job_registrations where job_id = 'waiting'");
        await platform.CountAsync(1, $"select count(*) from jobs where magic_hour_id = '{Erased}' and name is null and download_url is null");
    }
}
