using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Platform.DevStack;
using Platform.Simulator.Api;

namespace Platform.Simulator.Tests;

/// <summary>The faults of the simulated API.</summary>
public sealed class ApiFaultsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(FaultKind.PaymentRequired, 402)]
    [InlineData(FaultKind.Forbidden, 403)]
    [InlineData(FaultKind.TooManyRequests, 429)]
    [InlineData(FaultKind.InternalServerError, 500)]
    [InlineData(FaultKind.BadGateway, 502)]
    [InlineData(FaultKind.ServiceUnavailable, 503)]
    public async Task An_error_comes_with_and_without_Retry_After_as_often_as_asked(FaultKind kind, int status)
    {
        await using var lab = await MagicHourLab.StartAsync();
        var job = await lab.CreateAsync();
        lab.MagicHour.Faults.Add(new FaultRule { Kind = kind, Times = 1 });
        lab.MagicHour.Faults.Add(new FaultRule { Kind = kind, Times = 1, RetryAfter = 7 });

        using var without = await lab.RequestProjectAsync(job);
        using var with = await lab.RequestProjectAsync(job);
        using var healthy = await lab.RequestProjectAsync(job);

        Assert.Equal((status, status, 200), ((int)without.StatusCode, (int)with.StatusCode, (int)healthy.StatusCode));
        Assert.Null(without.Headers.RetryAfter);
        Assert.Equal(TimeSpan.FromSeconds(7), with.Headers.RetryAfter?.Delta);
        Assert.NotEmpty($"{JsonNode.Parse(await without.Content.ReadAsStringAsync(Cancel))!["message"]}");
    }

    [Fact]
    public async Task A_fault_affects_only_its_method_its_job_and_its_share()
    {
        await using var lab = await MagicHourLab.StartAsync();
        var job = await lab.CreateAsync();
        var other = await lab.CreateAsync();
        lab.MagicHour.Faults.Add(new FaultRule { Kind = FaultKind.BadGateway, JobId = job.Id, Share = 0.5 });

        var statuses = new List<HttpStatusCode>();
        for (var i = 0; i < 40; i++)
        {
            using var response = await lab.RequestProjectAsync(job);
            statuses.Add(response.StatusCode);
        }

        using var ofOther = await lab.RequestProjectAsync(other);
        using var deleted = await lab.Http.DeleteAsync($"/v1/video-projects/{job.Id}", Cancel);
        Assert.Equal([HttpStatusCode.OK, HttpStatusCode.BadGateway], statuses.Distinct().Order());
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.NoContent), (ofOther.StatusCode, deleted.StatusCode));
    }

    [Fact]
    public async Task A_call_can_hang_and_is_recorded_while_it_does()
    {
        await using var lab = await MagicHourLab.StartAsync();
        var job = await lab.CreateAsync();
        lab.MagicHour.Faults.Add(new FaultRule { Kind = FaultKind.Hang });
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);

        var hanging = lab.Http.GetAsync($"/v1/video-projects/{job.Id}", patience.Token);
        await Waiting.UntilAsync("a recorded call", () => Task.FromResult(lab.MagicHour.Calls.Report().ByMethod.ContainsKey("GET")), Cancel);
        var isAnswered = hanging.IsCompleted;
        await patience.CancelAsync();

        Assert.False(isAnswered);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => hanging);
        Assert.Equal(1, lab.MagicHour.Calls.Report().ByStatus["none"]);
    }

    [Fact]
    public async Task The_end_of_the_simulation_ends_a_hanging_call()
    {
        var lab = await MagicHourLab.StartAsync();
        var job = await lab.CreateAsync();
        lab.MagicHour.Faults.Add(new FaultRule { Kind = FaultKind.Hang });
        using var http = lab.Connect(lab.MagicHour.ApiKey);
        var hanging = http.GetAsync($"/v1/video-projects/{job.Id}", Cancel);
        await Waiting.UntilAsync("a recorded call", () => Task.FromResult(lab.MagicHour.Calls.Report().ByMethod.ContainsKey("GET")), Cancel);

        await lab.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20), Cancel);

        await Assert.ThrowsAsync<HttpRequestException>(() => hanging);
    }

    [Fact]
    public async Task A_body_can_trickle()
    {
        await using var lab = await MagicHourLab.StartAsync();
        var job = await lab.CreateAsync();
        lab.MagicHour.Faults.Add(new FaultRule { Kind = FaultKind.SlowBody });

        using var response = await lab.Http.GetAsync($"/v1/video-projects/{job.Id}", HttpCompletionOption.ResponseHeadersRead, Cancel);
        await using var body = await response.Content.ReadAsStreamAsync(Cancel);
        var first = await body.ReadAsync(new byte[1000], Cancel);
        var second = body.ReadAsync(new byte[1000], Cancel).AsTask();
        var isImmediate = second.IsCompleted;
        await lab.PassUntilAsync("the second byte", () => second.IsCompleted);

        Assert.Equal((1, false, 1), (first, isImmediate, await second));
    }

    [Fact]
    public async Task A_body_can_be_cut()
    {
        await using var lab = await MagicHourLab.StartAsync();
        var body = await ReadWithAsync(lab, FaultKind.TruncatedJson);

        Assert.ThrowsAny<JsonException>(() => JsonNode.Parse(body));
    }

    [Fact]
    public async Task A_body_can_be_huge()
    {
        await using var lab = await MagicHourLab.StartAsync();
        var body = await ReadWithAsync(lab, FaultKind.HugeBody);

        Assert.InRange(body.Length, 5 * 1024 * 1024, 6 * 1024 * 1024);
        Assert.NotNull(JsonNode.Parse(body)!["id"]);
    }

    [Fact]
    public async Task A_followed_redirect_is_counted()
    {
        await using var lab = await MagicHourLab.StartAsync();
        var job = await lab.CreateAsync();
        lab.MagicHour.Faults.Add(new FaultRule { Kind = FaultKind.Redirect, Times = 2 });
        using var follower = new HttpClient { DefaultRequestHeaders = { Authorization = lab.Http.DefaultRequestHeaders.Authorization } };

        using var refused = await lab.RequestProjectAsync(job);
        var before = lab.MagicHour.Calls.Report().RedirectsFollowed;
        using var followed = await follower.GetAsync($"{lab.MagicHour.Url}/v1/video-projects/{job.Id}", Cancel);

        Assert.Equal(HttpStatusCode.Redirect, refused.StatusCode);
        Assert.Equal((0, 1), (before, lab.MagicHour.Calls.Report().RedirectsFollowed));
    }

    [Theory]
    [InlineData(FaultKind.UnknownStatus, "status", "\"upscaling\"")]
    [InlineData(FaultKind.UnknownFields, "model", "\"of the future\"")]
    [InlineData(FaultKind.NullName, "name", null)]
    [InlineData(FaultKind.MissingDownloads, "downloads", null)]
    [InlineData(FaultKind.MissingFields, "enabled", null)]
    public async Task A_project_can_be_strange(FaultKind kind, string field, string? value)
    {
        await using var lab = await MagicHourLab.StartAsync();
        var project = JsonNode.Parse(await ReadWithAsync(lab, kind))!.AsObject();

        Assert.Equal(value, project[field]?.ToJsonString());
        Assert.Equal(kind is not (FaultKind.MissingDownloads or FaultKind.MissingFields), project.ContainsKey(field));
        Assert.NotNull(project["id"]);
    }

    private static async Task<string> ReadWithAsync(MagicHourLab lab, FaultKind kind)
    {
        var job = await lab.CreateAsync();
        lab.MagicHour.Faults.Add(new FaultRule { Kind = kind });
        using var response = await lab.RequestProjectAsync(job);
        return await response.Content.ReadAsStringAsync(Cancel);
    }
}
