using System.Net;
using System.Text.Json.Nodes;
using Platform.Simulator.Api;
using Platform.Simulator.MagicHour;

namespace Platform.Simulator.Tests;

/// <summary>Creating jobs at the simulated Magic Hour, and asking for their projects.</summary>
public sealed class SimulatedJobsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("text-to-video", "estimated_frame_cost")]
    [InlineData("ai-image-generator", "frame_cost")]
    public async Task A_created_job_has_an_id_and_a_cost_under_both_names(string tool, string oldName)
    {
        await using var lab = await MagicHourLab.StartAsync();

        var created = await lab.PostAsync(tool);
        lab.MagicHour.Switches = new ApiSwitches { DeprecatedFields = false };
        var withoutOldName = await lab.PostAsync(tool);

        Assert.Matches("^cm[a-z0-9]{23}$", $"{created["id"]}");
        Assert.Equal($"{created["credits_charged"]}", $"{created[oldName]}");
        Assert.Equal(["id", "credits_charged"], withoutOldName.Select(field => field.Key));
    }

    [Fact]
    public async Task A_job_waits_renders_and_completes_at_its_planned_times()
    {
        await using var lab = await MagicHourLab.StartAsync();
        var job = await lab.CreateAsync();

        var queued = await lab.GetProjectAsync(job);
        lab.PassTo(job.StartsAt);
        var rendering = await lab.GetProjectAsync(job);
        lab.PassTo(job.EndsAt);
        var complete = await lab.GetProjectAsync(job);

        Assert.Equal(["queued", "rendering", "complete"], new[] { queued, rendering, complete }.Select(project => $"{project["status"]}"));
        Assert.Empty(rendering["downloads"]!.AsArray());
        Assert.Single(complete["downloads"]!.AsArray());
        // An estimate until the video is complete.
        Assert.NotEqual($"{rendering["credits_charged"]}", $"{complete["credits_charged"]}");
    }

    [Fact]
    public void Half_of_the_jobs_of_each_tool_end_within_its_median()
    {
        var clock = new JobClock(new Chance(seed: 1), speed: 4);

        foreach (var tool in ToolCatalog.All)
        {
            var created = DateTimeOffset.UnixEpoch;
            var durations = Enumerable.Range(0, 999).Select(_ => clock.Next(tool, created).End - created).Order().ToArray();

            Assert.InRange(durations[499] / (tool.Median / 4), 0.9, 1.1);
            Assert.InRange(durations[0], tool.Median / 8, tool.Median / 4);
            Assert.InRange(durations[^1], tool.Median / 4, tool.Median / 2);
        }
    }

    [Fact]
    public async Task The_seed_decides_how_long_jobs_take()
    {
        var options = new SimulatedMagicHourOptions { Seed = 7 };
        await using var first = await MagicHourLab.StartAsync(options);
        await using var second = await MagicHourLab.StartAsync(options);
        await using var other = await MagicHourLab.StartAsync(options with { Seed = 8 });

        TimeSpan[] durations = [Duration(await first.CreateAsync()), Duration(await second.CreateAsync()), Duration(await other.CreateAsync())];

        Assert.Equal(durations[0], durations[1]);
        Assert.NotEqual(durations[0], durations[2]);
    }

    [Theory]
    [InlineData("text-to-video", "video", "width", "height", "fps", "start_seconds", "end_seconds", "total_frame_cost", "download")]
    [InlineData("ai-image-generator", "image", "image_count", "total_frame_cost")]
    [InlineData("ai-voice-generator", "audio")]
    public async Task A_project_has_the_fields_of_its_kind(string tool, string kind, params string[] ownFields)
    {
        await using var lab = await MagicHourLab.StartAsync();
        var job = await lab.CreateAsync(tool);

        var project = await lab.GetProjectAsync(job);

        string[] common = ["id", "name", "status", "type", "created_at", "enabled", "credits_charged", "downloads", "error"];
        Assert.Equal(kind, job.Tool.Kind);
        Assert.Equal([.. common.Concat(ownFields).Order()], project.Select(field => field.Key).Order());
    }

    [Fact]
    public async Task What_the_request_names_is_shown()
    {
        await using var lab = await MagicHourLab.StartAsync();

        var named = await ShowAsync(lab, """{"name": "夏 🎬", "image_count": 3, "style": {"prompt": "x"}}""");
        var unnamed = await ShowAsync(lab, "{}");
        var nameless = await ShowAsync(lab, """{"name": null}""");

        Assert.Equal(("夏 🎬", 3, 3), ($"{named["name"]}", (int)named["image_count"]!, named["downloads"]!.AsArray().Count));
        Assert.Equal("Ai Image - 2026-11-29T12:00:", $"{unnamed["name"]}"[..28]);
        Assert.Null(nameless["name"]);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("""{"image_count": 17}""")]
    [InlineData("""{"name": 5}""")]
    public async Task A_request_that_is_not_one_is_refused(string body)
    {
        await using var lab = await MagicHourLab.StartAsync();

        using var response = await lab.Http.PostAsync("/v1/ai-image-generator", new StringContent(body), Cancel);

        Assert.Equal((HttpStatusCode.BadRequest, 0), (response.StatusCode, lab.MagicHour.Jobs.All.Count));
    }

    [Theory]
    [InlineData("/v1/image-projects/{0}")]
    [InlineData("/v1/audio-projects/{0}")]
    [InlineData("/v1/video-projects/x{0}")]
    public async Task Another_kind_or_id_is_not_found_in_either_shape(string path)
    {
        await using var lab = await MagicHourLab.StartAsync();
        var job = await lab.CreateAsync();

        var newShape = await ReadErrorAsync(lab, string.Format(path, job.Id));
        lab.MagicHour.Switches = new ApiSwitches { Errors = ErrorShape.MessageOnly };
        var oldShape = await ReadErrorAsync(lab, string.Format(path, job.Id));

        Assert.Equal((404, """{"code":"not_found","message":"Not Found"}"""), newShape);
        Assert.Equal((404, """{"message":"Not Found"}"""), oldShape);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("mhk_of_someone_else")]
    public async Task Every_call_needs_the_key(string? key)
    {
        await using var lab = await MagicHourLab.StartAsync();
        var job = await lab.CreateAsync();
        using var stranger = lab.Connect(key);

        using var got = await stranger.GetAsync($"/v1/video-projects/{job.Id}", Cancel);
        using var created = await stranger.PostAsync("/v1/text-to-video", content: null, Cancel);
        using var deleted = await stranger.DeleteAsync($"/v1/video-projects/{job.Id}", Cancel);

        Assert.All([got, created, deleted], response => Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode));
        Assert.Single(lab.MagicHour.Jobs.All);
        Assert.False(job.IsDeletedAt(lab.Time.GetUtcNow()));
    }

    [Fact]
    public async Task A_new_key_replaces_the_old_one()
    {
        await using var lab = await MagicHourLab.StartAsync();
        var job = await lab.CreateAsync();
        lab.MagicHour.ApiKey = "mhk_new";
        using var client = lab.Connect("mhk_new");

        using var refused = await lab.RequestProjectAsync(job);
        using var accepted = await client.GetAsync("/v1/account", Cancel);

        Assert.Equal((HttpStatusCode.Unauthorized, HttpStatusCode.OK), (refused.StatusCode, accepted.StatusCode));
    }

    [Fact]
    public async Task A_cancelled_job_stays_cancelled_and_is_refunded()
    {
        await using var lab = await MagicHourLab.StartAsync();
        var job = await lab.CreateAsync();

        var first = job.Cancel(lab.Time.GetUtcNow());
        lab.PassTo(job.EndsAt);
        var project = await lab.GetProjectAsync(job);

        Assert.Equal((true, false), (first, job.Cancel(lab.Time.GetUtcNow())));
        Assert.Equal(("canceled", 0), ($"{project["status"]}", (int)project["credits_charged"]!));
    }

    [Fact]
    public async Task A_deleted_project_is_not_found_or_disabled()
    {
        await using var lab = await MagicHourLab.StartAsync();
        var job = await lab.CreateAsync("ai-image-generator");
        lab.PassTo(job.StartsAt);

        using var deleted = await lab.Http.DeleteAsync($"/v1/image-projects/{job.Id}", Cancel);
        using var again = await lab.Http.DeleteAsync($"/v1/image-projects/{job.Id}", Cancel);
        using var gone = await lab.RequestProjectAsync(job);
        lab.MagicHour.Switches = new ApiSwitches { Deleted = DeletedAnswer.Disabled };
        lab.PassTo(job.EndsAt);
        var disabled = await lab.GetProjectAsync(job);

        Assert.Equal((HttpStatusCode.NoContent, HttpStatusCode.NotFound, HttpStatusCode.NotFound), (deleted.StatusCode, again.StatusCode, gone.StatusCode));
        Assert.Equal((false, "rendering"), ((bool)disabled["enabled"]!, $"{disabled["status"]}"));
    }

    [Fact]
    public async Task A_failed_job_shows_its_error_and_is_refunded()
    {
        await using var lab = await MagicHourLab.StartAsync();
        var job = await lab.CreateAsync(fate: new JobFate { End = JobEnd.Error });
        lab.PassTo(job.EndsAt);

        var project = await lab.GetProjectAsync(job);

        Assert.Equal(("error", 0), ($"{project["status"]}", (int)project["credits_charged"]!));
        Assert.NotEmpty($"{project["error"]!["code"]}");
        Assert.Empty(project["downloads"]!.AsArray());
    }

    [Fact]
    public async Task Shares_of_new_jobs_end_otherwise()
    {
        await using var lab = await MagicHourLab.StartAsync(new SimulatedMagicHourOptions
        {
            Shares = new FateShares { Canceled = 0.2, Errored = 0.2, Deleted = 0.1, Lost = 0.1, Contradicted = 0.1 },
        });

        for (var i = 0; i < 200; i++)
        {
            await lab.CreateAsync("ai-face-editor");
        }

        var fates = lab.MagicHour.Jobs.All.Select(job => job.Fate).ToArray();
        Assert.All(Enum.GetValues<JobEnd>(), end => Assert.Contains(fates, fate => fate.End == end));
        Assert.All(Enum.GetValues<Deletion>(), deletion => Assert.Contains(fates, fate => fate.Deletion == deletion));
        Assert.InRange(fates.Count(fate => fate.End is JobEnd.Canceled), 20, 60);
        Assert.InRange(fates.Count(fate => fate.EndEvent is EventFate.Lost), 5, 40);
        Assert.Contains(fates, fate => fate.Reported is not null);
    }

    private static TimeSpan Duration(SimulatedJob job) => job.EndsAt - job.CreatedAt;

    private static async Task<JsonObject> ShowAsync(MagicHourLab lab, string body)
    {
        var created = await lab.PostAsync("ai-image-generator", body);
        lab.MagicHour.Jobs.TryFind($"{created["id"]}", out var job);
        lab.PassTo(job!.EndsAt);
        return await lab.GetProjectAsync(job);
    }

    private static async Task<(int Status, string Body)> ReadErrorAsync(MagicHourLab lab, string path)
    {
        using var response = await lab.Http.GetAsync(path, Cancel);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(Cancel));
    }
}
