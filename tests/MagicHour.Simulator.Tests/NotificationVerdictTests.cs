using System.Text;
using Platform.DevStack;
using Platform.Simulator.Storms;
using Platform.Simulator.Verdicts;

namespace Platform.Simulator.Tests;

/// <summary>A verdict on what the owner of one job of a real storm is notified of.</summary>
[Collection<OnStormedPlatform>]
public sealed class NotificationVerdictTests(StormedPlatform platform)
{
    private StormEvent Completed => platform.Ledger.Events.First(webhook =>
        webhook is { Type: "video.completed", Expected: Expectation.Applied, Bodies.Count: 1 }
        && platform.Ledger.Events.Count(other => other.JobId == webhook.JobId) == 1);

    private string Registration =>
        $"insert into job_registrations values ('{Completed.JobId}', 'video', 'owner', null, 'https://example.com', now());";

    [Fact]
    public async Task An_owner_without_a_notification_row_is_lost()
    {
        await using var database = await platform.CopyAsync();
        await database.ExecuteAsync(Registration);

        var verdict = await database.JudgeAsync();

        Assert.Equal([$"{Completed.JobId}: its owner has no notification by webhook that it has completed"], verdict.Lost.First);
    }

    [Theory]
    [InlineData("")]
    [InlineData("insert into job_registrations values ('{0}', 'video', 'owner', 'ada@example.com', null, now());")]
    public async Task A_deleted_registration_counts_as_lost(string tampering)
    {
        await using var database = await platform.CopyAsync();
        await database.ExecuteAsync(Registration + Decision("completed"));
        var options = new VerdictOptions { Registered = [Completed.JobId] };

        var whole = await database.JudgeAsync(options);
        await database.ExecuteAsync("delete from notifications; delete from job_registrations;" + string.Format(null, tampering, Completed.JobId));
        var lost = await database.JudgeAsync(options);

        Assert.True(whole is { IsClean: true, IsSettled: true }, string.Join('\n', whole.Lines));
        Assert.Contains($"{Completed.JobId}: its owner was registered but is not stored", lost.Lost.First);
        Assert.False(lost.IsSettled);
    }

    [Theory]
    [InlineData("completed", null, "was not notified that it has completed")]
    [InlineData("completed", "completed a, completed b", "was notified twice that it has completed")]
    [InlineData("completed", "completed a, failed b", "was notified that it has failed after being notified that it has completed")]
    [InlineData("failed", "completed a", "has a notification that it has failed, but it has not")]
    [InlineData("completed", "completed a, completed a", null)]
    public async Task The_contents_of_a_notification_are_judged(string decided, string? notified, string? found)
    {
        await using var database = await platform.CopyAsync();
        await database.ExecuteAsync(Registration + string.Concat(new[] { "completed", decided }.Distinct().Select(Decision)));
        var received = (notified ?? "").Split(", ", StringSplitOptions.RemoveEmptyEntries).Select(one => one.Split(' ')).Select(one => new ReceivedWebhook(
            one[1], "", "", Encoding.UTF8.GetBytes($$$"""{"data":{"jobId":"{{{Completed.JobId}}}","status":"{{{one[0]}}}"}}""")));

        var verdict = await database.JudgeAsync(new VerdictOptions { Notified = [.. received] });

        var all = verdict.Lost.First.Concat(verdict.Doubled.First).Concat(verdict.Wrong.First).ToArray();
        Assert.Equal(found is null, verdict.IsClean);
        Assert.True(found is null || all.Contains($"{Completed.JobId}: its owner {found}"), string.Join('\n', all));
    }

    [Fact]
    public async Task A_webhook_that_the_receivers_own_key_does_not_verify_is_wrong()
    {
        await using var database = await platform.CopyAsync();
        var webhook = new ReceivedWebhook("msg_1", "1", "v1,AAAA", Encoding.UTF8.GetBytes("""{"audience":"https://example.com:443"}"""));

        var verdict = await database.JudgeAsync(new VerdictOptions { Rejected = [webhook] });

        Assert.False(webhook.IsSignedFor("https://example.com/", Stack.LocalOutgoingSecret));
        Assert.Equal(["msg_1: the receiver's own key does not verify it"], verdict.Wrong.First);
    }

    [Fact]
    public async Task A_parked_notification_does_not_count_as_sent()
    {
        await using var database = await platform.CopyAsync();
        await database.ExecuteAsync(Registration + Decision("completed", "parked"));

        var verdict = await database.JudgeAsync(new VerdictOptions { Notified = [] });

        Assert.Equal([$"{Completed.JobId}: its owner was not notified that it has completed"], verdict.Lost.First);
    }

    private string Decision(string outcome) => Decision(outcome, "delivered");

    private string Decision(string outcome, string status) =>
        $"insert into notifications values ('{Completed.JobId}', '{outcome}', 'webhook', '{status}', 1, now(), now(), now(), null);";
}
