using System.Text;
using Platform.DevStack;
using Platform.Simulator.Api;
using Platform.Simulator.Truth;

namespace Platform.Simulator.Tests;

/// <summary>The ends that a job may have, by what Magic Hour knows and by what its webhooks have reported; and the verdict on them.</summary>
public sealed class TruthVerdictTests
{
    private const int Limit = 5;

    private static readonly CallReport NoCalls = Calls(new() { ["POST"] = 1, ["GET"] = 9 }, most: Limit);

    [Theory]
    [InlineData(JobEnd.Complete, null, Deletion.None, EventFate.Sent, "completed")]
    [InlineData(JobEnd.Complete, null, Deletion.None, EventFate.Lost, "completed")]
    [InlineData(JobEnd.Complete, ReportedEnd.Errored, Deletion.None, EventFate.Sent, "completed")]
    [InlineData(JobEnd.Error, null, Deletion.None, EventFate.Lost, "failed")]
    [InlineData(JobEnd.Error, ReportedEnd.Completed, Deletion.None, EventFate.Sent, "completed")]
    [InlineData(JobEnd.Error, ReportedEnd.Completed, Deletion.None, EventFate.Lost, "failed")]
    [InlineData(JobEnd.Canceled, null, Deletion.None, EventFate.Sent, "canceled")]
    [InlineData(JobEnd.Complete, null, Deletion.BeforeEnd, EventFate.Sent, "canceled")]
    [InlineData(JobEnd.Complete, null, Deletion.AfterEnd, EventFate.Sent, "completed")]
    [InlineData(JobEnd.Complete, null, Deletion.AfterEnd, EventFate.Lost, "completed", "canceled")]
    [InlineData(JobEnd.Complete, ReportedEnd.Errored, Deletion.AfterEnd, EventFate.Sent, "completed", "failed")]
    [InlineData(JobEnd.Error, null, Deletion.AfterEnd, EventFate.Lost, "failed", "canceled")]
    public async Task A_job_may_end_as_Magic_Hour_knows_unless_no_one_could_learn_that(
        JobEnd end, ReportedEnd? reported, Deletion deletion, EventFate endEvent, params string[] ends)
    {
        await using var endpoint = await ScriptedEndpoint.StartAsync(_ => 200);
        await using var lab = await MagicHourLab.StartAsync(endpoint);
        var job = await lab.CreateAsync(fate: new JobFate { End = end, Reported = reported, Deletion = deletion, EndEvent = endEvent });
        lab.PassTo(job.StartsAt);
        await lab.PassUntilAsync("the start", () => MagicHourLab.IsSettled(job, events: 1));
        lab.PassTo(job.EndsAt + (job.EndsAt - job.CreatedAt));
        var hasEnd = end is not JobEnd.Canceled && deletion is not Deletion.BeforeEnd;
        await lab.PassUntilAsync("the end", () => MagicHourLab.IsSettled(job, events: hasEnd ? 2 : 1));

        var one = TruthCase.From(job, lab.Time.GetUtcNow());

        Assert.Equal(ends, one.Ends);
        Assert.Equal(hasEnd && endEvent is EventFate.Sent ? 2 : 1, one.Delivered.Count);
    }

    [Fact]
    public void A_job_that_has_ended_as_at_Magic_Hour_with_its_owner_notified_once_is_clean()
    {
        var verdict = Judge("completed", ["completed"]);

        Assert.True(verdict.IsGood, string.Join('\n', verdict.Lines));
    }

    [Theory]
    [InlineData("failed", "failed", "wrong", "j: failed, but completed at Magic Hour")]
    [InlineData("completed", "", "wrong", "j: completed, but its owner was last notified that it has no end")]
    [InlineData("completed", "completed,failed", "wrong", "j: completed, but its owner was last notified that it has failed")]
    [InlineData("completed", "completed,completed", "doubled", "j: its owner was notified 2 times that it has completed")]
    public void What_is_wrong_is_found(string status, string notified, string finding, string expected)
    {
        var verdict = Judge(status, notified.Split(',', StringSplitOptions.RemoveEmptyEntries));

        Assert.False(verdict.IsGood);
        Assert.Equal([expected], (finding == "wrong" ? verdict.Wrong : verdict.Doubled).First);
    }

    [Fact]
    public void An_accepted_event_that_is_not_stored_is_lost()
    {
        var verdict = Judge("completed", ["completed"], delivered: ["video.started", "video.completed"]);

        Assert.Equal(["j: video.started"], verdict.Lost.First);
    }

    [Theory]
    [InlineData("POST", 2, 5, "1 × POST")]
    [InlineData("DELETE", 1, 5, "1 × DELETE")]
    [InlineData("GET", 9, 6, "6 calls in one second, more than 5")]
    public void A_call_that_the_reconciler_must_not_make_is_found(string method, int count, int most, string expected)
    {
        var verdict = Judge("completed", ["completed"], calls: Calls(new() { ["POST"] = 1, ["GET"] = 9, [method] = count }, most));

        Assert.False(verdict.IsGood);
        Assert.Equal([expected], verdict.Forbidden.First);
    }

    private static TruthVerdict Judge(string status, string[] notified, string[]? delivered = null, CallReport? calls = null) => TruthVerdict.Judge(
        [new TruthCase("j", ["completed"], delivered ?? ["video.completed"])],
        new TruthEvidence(new Dictionary<string, string> { ["j"] = status }, new HashSet<(string, string)> { ("j", "video.completed") }, [], Pending: 0),
        [.. notified.Select((outcome, index) => new ReceivedWebhook(
            $"{index}", "", "", Encoding.UTF8.GetBytes($$$"""{"data":{"jobId":"j","status":"{{{outcome}}}"}}""")))],
        calls ?? NoCalls,
        Limit,
        isSettled: true);

    private static CallReport Calls(Dictionary<string, int> byMethod, int most) => new(
        byMethod.Values.Sum(), byMethod, new Dictionary<string, int>(), new Dictionary<string, int> { ["GET"] = most },
        new Dictionary<string, IReadOnlyDictionary<string, int>>(), new Dictionary<string, IReadOnlyDictionary<string, int>>(), [], new DownloadCounts(), 0);
}
