using System.Text;
using Platform.LocalStack;
using Platform.Simulator.Storms;
using Platform.Simulator.Verdicts;

namespace Platform.Simulator.Tests;

/// <summary>A verdict on what the owner of one job of a real storm is told.</summary>
public sealed class NotificationVerdictTests(StormedPlatform platform)
{
    private StormEvent Completed => platform.Ledger.Events.First(webhook =>
        webhook is { Type: "video.completed", Expected: Expectation.Applied, Bodies.Count: 1 }
        && platform.Ledger.Events.Count(other => other.JobId == webhook.JobId) == 1);

    private string Registration =>
        $"insert into job_registrations values ('{Completed.JobId}', 'video', 'owner', null, 'https://example.com', now());";

    [Fact]
    public async Task An_owner_who_is_not_to_be_told_is_lost()
    {
        await using var database = await platform.CopyAsync();
        await database.ExecuteAsync(Registration);

        var verdict = await database.JudgeAsync();

        Assert.Equal([$"{Completed.JobId}: its owner is not to be told by webhook that it has completed"], verdict.Lost.First);
    }

    [Theory]
    [InlineData("")]
    [InlineData("insert into job_registrations values ('{0}', 'video', 'owner', 'ada@example.com', null, now());")]
    public async Task A_registration_that_is_gone_is_lost(string tampering)
    {
        await using var database = await platform.CopyAsync();
        await database.ExecuteAsync(Registration + Decision("completed"));
        var options = new VerdictOptions { Registered = [Completed.JobId] };

        var whole = await database.JudgeAsync(options);
        await database.ExecuteAsync("delete from notifications; delete from job_registrations;" + string.Format(null, tampering, Completed.JobId));
        var lost = await database.JudgeAsync(options);

        Assert.True(whole is { IsClean: true, IsSettled: true }, string.Join('\n', whole.Lines));
        Assert.Contains($"{Completed.JobId}: its owner was registered and is not known", lost.Lost.First);
        Assert.False(lost.IsSettled);
    }

    [Theory]
    [InlineData("completed", null, "was not told that it has completed")]
    [InlineData("completed", "completed a, completed b", "was told twice that it has completed")]
    [InlineData("completed", "completed a, failed b", "was told that it has failed after they were told that it has completed")]
    [InlineData("failed", "completed a", "is told that it has failed, and it has not")]
    [InlineData("completed", "completed a, completed a", null)]
    public async Task What_an_owner_is_told_is_judged(string decided, string? told, string? found)
    {
        await using var database = await platform.CopyAsync();
        await database.ExecuteAsync(Registration + string.Concat(new[] { "completed", decided }.Distinct().Select(Decision)));
        var received = (told ?? "").Split(", ", StringSplitOptions.RemoveEmptyEntries).Select(one => one.Split(' ')).Select(one => new ReceivedWebhook(
            one[1], "", "", Encoding.UTF8.GetBytes($$$"""{"data":{"jobId":"{{{Completed.JobId}}}","status":"{{{one[0]}}}"}}""")));

        var verdict = await database.JudgeAsync(new VerdictOptions { Told = [.. received] });

        var all = verdict.Lost.First.Concat(verdict.Doubled.First).Concat(verdict.Wrong.First).ToArray();
        Assert.Equal(found is null, verdict.IsClean);
        Assert.True(found is null || all.Contains($"{Completed.JobId}: its owner {found}"), string.Join('\n', all));
    }

    [Fact]
    public async Task An_owner_who_was_given_up_was_not_told()
    {
        await using var database = await platform.CopyAsync();
        await database.ExecuteAsync(Registration + Decision("completed", "parked"));

        var verdict = await database.JudgeAsync(new VerdictOptions { Told = [] });

        Assert.Equal([$"{Completed.JobId}: its owner was not told that it has completed"], verdict.Lost.First);
    }

    private string Decision(string outcome) => Decision(outcome, "delivered");

    private string Decision(string outcome, string status) =>
        $"insert into notifications values ('{Completed.JobId}', '{outcome}', 'webhook', '{status}', 1, now(), now(), now(), null);";
}
