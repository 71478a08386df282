using System.Text.Json.Nodes;
using Platform.DevStack;
using Platform.Simulator.Api;

namespace Platform.Simulator.Tests;

/// <summary>The events of jobs that were created at the simulated Magic Hour.</summary>
public sealed class WebhooksOfJobsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_job_sends_its_start_and_its_end_signed()
    {
        await using var endpoint = await ScriptedEndpoint.StartAsync(_ => 200);
        await using var lab = await MagicHourLab.StartAsync(endpoint);
        var job = await lab.CreateAsync();

        await lab.EndAsync(job);

        Assert.Equal(["video.started", "video.completed"], Types(endpoint));
        Assert.All(endpoint.Requests, request => Assert.True(request.IsSignedWith(ScriptedEndpoint.Secret)));
        Assert.All(job.Events, due => Assert.Equal((EventState.Delivered, 200, 1), (due.State, due.LastStatus, due.Attempts)));
    }

    [Theory]
    [InlineData("text-to-video")]
    [InlineData("ai-headshot-generator")]
    [InlineData("ai-voice-cloner")]
    public async Task The_payload_is_the_project_that_GET_answers(string tool)
    {
        await using var endpoint = await ScriptedEndpoint.StartAsync(_ => 200);
        await using var lab = await MagicHourLab.StartAsync(endpoint);
        var job = await lab.CreateAsync(tool);
        await lab.EndAsync(job);

        var payload = JsonNode.Parse(endpoint.Requests[^1].Body)!["payload"]!.AsObject();
        var project = await lab.GetProjectAsync(job);

        Assert.Equal(project.Select(field => field.Key).Order(), payload.Select(field => field.Key).Order());
        Assert.Equal(WithoutDownloads(project), WithoutDownloads(payload));
    }

    [Fact]
    public async Task An_event_is_sent_again_with_a_new_signature_until_it_is_accepted()
    {
        await using var endpoint = await ScriptedEndpoint.StartAsync(attempt => attempt < 4 ? 503 : 200);
        await using var lab = await MagicHourLab.StartAsync(endpoint);
        var job = await lab.CreateAsync(fate: new JobFate { StartedEvent = EventFate.Lost });

        await lab.EndAsync(job);

        Assert.Equal((EventState.Delivered, 4), (job.Events[1].State, job.Events[1].Attempts));
        Assert.Single(endpoint.Requests.Select(request => Convert.ToHexString(request.Body)).Distinct());
        Assert.Equal(4, endpoint.Requests.Select(request => request.Timestamp).Distinct().Count());
        var times = endpoint.Requests.Select(request => long.Parse(request.Timestamp)).ToArray();
        // 1, 2 and 4 seconds later, and up to two steps of the test's clock.
        Assert.All([1, 2, 4], (gap, index) => Assert.InRange(times[index + 1] - times[index], gap, gap + 2));
    }

    [Fact]
    public async Task Retries_may_keep_the_first_signature()
    {
        await using var endpoint = await ScriptedEndpoint.StartAsync(attempt => attempt < 3 ? 500 : 200);
        await using var lab = await MagicHourLab.StartAsync(endpoint);
        lab.MagicHour.Switches = new ApiSwitches { ReSign = false };
        var job = await lab.CreateAsync(fate: new JobFate { StartedEvent = EventFate.Lost });

        await lab.EndAsync(job);

        Assert.Equal(3, endpoint.Requests.Count);
        Assert.Single(endpoint.Requests.Select(request => request.Signature).Distinct());
    }

    [Fact]
    public async Task An_event_that_is_not_accepted_within_24_hours_is_given_up()
    {
        await using var endpoint = await ScriptedEndpoint.StartAsync(_ => 500);
        await using var lab = await MagicHourLab.StartAsync(endpoint);
        var job = await lab.CreateAsync(fate: new JobFate { StartedEvent = EventFate.Lost });
        lab.PassTo(job.EndsAt);

        await Waiting.UntilAsync(
            "a given up event",
            () =>
            {
                lab.Time.Advance(TimeSpan.FromMinutes(30));
                return Task.FromResult(MagicHourLab.IsSettled(job, events: 2));
            },
            Cancel);

        // 16 retries fit into 24 hours; fewer do when each waits for a step of the test's clock.
        Assert.Equal(EventState.GivenUp, job.Events[1].State);
        Assert.InRange(job.Events[1].Attempts, 3, 17);
    }

    [Theory]
    [InlineData(JobEnd.Error, null, "video.errored")]
    [InlineData(JobEnd.Complete, ReportedEnd.Errored, "video.errored")]
    [InlineData(JobEnd.Error, ReportedEnd.Completed, "video.completed")]
    public async Task The_end_event_reports_the_end_or_contradicts_it(JobEnd end, ReportedEnd? reported, string type)
    {
        await using var endpoint = await ScriptedEndpoint.StartAsync(_ => 200);
        await using var lab = await MagicHourLab.StartAsync(endpoint);
        var job = await lab.CreateAsync(fate: new JobFate { End = end, Reported = reported });

        await lab.EndAsync(job);
        var project = await lab.GetProjectAsync(job);

        Assert.Equal(["video.started", type], Types(endpoint));
        Assert.Equal(end is JobEnd.Error ? "error" : "complete", $"{project["status"]}");
    }

    [Fact]
    public async Task Cancelled_and_deleted_jobs_send_no_end()
    {
        await using var endpoint = await ScriptedEndpoint.StartAsync(_ => 200);
        await using var lab = await MagicHourLab.StartAsync(endpoint);
        var cancelledInQueue = await lab.CreateAsync();
        cancelledInQueue.Cancel(lab.Time.GetUtcNow());
        var cancelled = await lab.CreateAsync(fate: new JobFate { End = JobEnd.Canceled });
        var deleted = await lab.CreateAsync(fate: new JobFate { Deletion = Deletion.BeforeEnd });

        // A longer job proves that the others had their time.
        var last = await lab.CreateAsync("video-to-video");
        lab.PassTo(last.EndsAt);
        await lab.PassUntilAsync(
            "all events", () => MagicHourLab.IsSettled(cancelled, events: 1) && MagicHourLab.IsSettled(deleted, events: 1) && MagicHourLab.IsSettled(last, events: 2));

        Assert.Empty(cancelledInQueue.Events);
        Assert.Equal(["video.started"], cancelled.Events.Select(due => due.Type));
        Assert.Equal(["video.started"], deleted.Events.Select(due => due.Type));
        Assert.Equal(4, endpoint.Requests.Count);
    }

    [Fact]
    public async Task Lost_events_are_never_sent_and_late_ones_later()
    {
        await using var endpoint = await ScriptedEndpoint.StartAsync(_ => 200);
        await using var lab = await MagicHourLab.StartAsync(endpoint);
        var fate = new JobFate { StartedEvent = EventFate.Lost, EndEvent = EventFate.Late, LateBy = TimeSpan.FromSeconds(20) };
        var job = await lab.CreateAsync(fate: fate);

        await lab.EndAsync(job);

        Assert.Equal([EventState.Lost, EventState.Delivered], job.Events.Select(due => due.State));
        Assert.Equal(["video.completed"], Types(endpoint));
        Assert.InRange(DateTimeOffset.FromUnixTimeSeconds(long.Parse(endpoint.Requests[0].Timestamp)), job.EndsAt + TimeSpan.FromSeconds(19), DateTimeOffset.MaxValue);
    }

    [Fact]
    public async Task Events_that_are_due_while_the_webhook_is_disabled_are_never_sent()
    {
        await using var endpoint = await ScriptedEndpoint.StartAsync(_ => 200);
        await using var lab = await MagicHourLab.StartAsync(endpoint);
        lab.MagicHour.Webhook = lab.MagicHour.Webhook with { Enabled = false };
        var missed = await lab.CreateAsync();
        await lab.EndAsync(missed);
        lab.MagicHour.Webhook = lab.MagicHour.Webhook with { Enabled = true };
        var sent = await lab.CreateAsync("ai-voice-generator");

        await lab.EndAsync(sent);

        Assert.All(missed.Events, due => Assert.Equal((EventState.Skipped, 0), (due.State, due.Attempts)));
        Assert.Equal(["audio.started", "audio.completed"], Types(endpoint));
    }

    private static string[] Types(ScriptedEndpoint endpoint) => [.. endpoint.Requests.Select(request => $"{JsonNode.Parse(request.Body)!["type"]}")];

    private static string WithoutDownloads(JsonObject project)
    {
        var rest = project.Where(field => field.Key is not ("downloads" or "download")).OrderBy(field => field.Key);
        return new JsonObject(rest.Select(field => KeyValuePair.Create(field.Key, field.Value?.DeepClone()))).ToJsonString();
    }
}
