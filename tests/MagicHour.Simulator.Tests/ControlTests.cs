using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Platform.Simulator.Api;

namespace Platform.Simulator.Tests;

/// <summary>The routes below <c>/control</c>, which need no key.</summary>
public sealed class ControlTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_next_job_gets_the_fate_that_was_posted()
    {
        await using var lab = await MagicHourLab.StartAsync();

        await SendAsync(lab, HttpMethod.Post, "/control/fates", """{"end": "error", "reported": "completed", "started_event": "lost", "end_event": "late", "late_by": "00:01:00"}""");
        var job = await lab.CreateAsync();
        var next = await lab.CreateAsync();

        var expected = new JobFate
        {
            End = JobEnd.Error,
            Reported = ReportedEnd.Completed,
            StartedEvent = EventFate.Lost,
            EndEvent = EventFate.Late,
            LateBy = TimeSpan.FromMinutes(1),
        };
        Assert.Equal((expected, new JobFate()), (job.Fate, next.Fate));
    }

    [Fact]
    public async Task A_job_is_cancelled_once_and_deleted_once()
    {
        await using var lab = await MagicHourLab.StartAsync();
        var job = await lab.CreateAsync();

        HttpStatusCode[] answers =
        [
            await SendAsync(lab, HttpMethod.Post, $"/control/jobs/{job.Id}/cancel"),
            await SendAsync(lab, HttpMethod.Post, $"/control/jobs/{job.Id}/cancel"),
            await SendAsync(lab, HttpMethod.Post, $"/control/jobs/{job.Id}/delete"),
            await SendAsync(lab, HttpMethod.Post, $"/control/jobs/{job.Id}/delete"),
            await SendAsync(lab, HttpMethod.Post, "/control/jobs/nothing/delete"),
        ];

        Assert.Equal([HttpStatusCode.NoContent, HttpStatusCode.Conflict, HttpStatusCode.NoContent, HttpStatusCode.Conflict, HttpStatusCode.NotFound], answers);
    }

    [Fact]
    public async Task The_truth_about_each_job_is_shown()
    {
        await using var lab = await MagicHourLab.StartAsync();
        var job = await lab.CreateAsync();
        await SendAsync(lab, HttpMethod.Put, $"/control/jobs/{job.Id}/fate", """{"end": "error"}""");
        lab.PassTo(job.EndsAt);

        using var http = lab.Connect(key: null);
        var shown = await http.GetFromJsonAsync<JsonArray>("/control/jobs", Cancel);

        Assert.Equal((job.Id, "error", "video", false), ($"{shown![0]!["id"]}", $"{shown[0]!["status"]}", $"{shown[0]!["kind"]}", (bool)shown[0]!["deleted"]!));
    }

    [Fact]
    public async Task Everything_that_a_test_can_set_can_be_set_over_HTTP()
    {
        await using var lab = await MagicHourLab.StartAsync();

        await SendAsync(lab, HttpMethod.Put, "/control/switches", """{"errors": "message_only", "deleted": "disabled", "download_lifetime": "01:00:00"}""");
        await SendAsync(lab, HttpMethod.Put, "/control/shares", """{"lost": 0.5}""");
        await SendAsync(lab, HttpMethod.Put, "/control/key", """{"key": "mhk_new"}""");
        await SendAsync(lab, HttpMethod.Put, "/control/webhook", """{"url": "http://127.0.0.1:9/webhook", "secret": "s"}""");
        await SendAsync(lab, HttpMethod.Post, "/control/webhook/disable");
        await SendAsync(lab, HttpMethod.Post, "/control/faults", """{"kind": "too_many_requests", "share": 0.1, "retry_after": 3}""");

        var magicHour = lab.MagicHour;
        Assert.Equal(new ApiSwitches { Errors = ErrorShape.MessageOnly, Deleted = DeletedAnswer.Disabled, DownloadLifetime = TimeSpan.FromHours(1) }, magicHour.Switches);
        Assert.Equal((0.5, "mhk_new"), (magicHour.Jobs.Shares.Lost, magicHour.ApiKey));
        Assert.Equal(new WebhookSettings(new Uri("http://127.0.0.1:9/webhook"), "s", Enabled: false), magicHour.Webhook);
        Assert.Equal([new FaultRule { Kind = FaultKind.TooManyRequests, Share = 0.1, RetryAfter = 3 }], magicHour.Faults.All);
    }

    [Fact]
    public async Task Faults_and_calls_are_cleared()
    {
        await using var lab = await MagicHourLab.StartAsync();
        await lab.CreateAsync();
        lab.MagicHour.Faults.Add(new FaultRule { Kind = FaultKind.Hang });

        await SendAsync(lab, HttpMethod.Delete, "/control/faults");
        await SendAsync(lab, HttpMethod.Delete, "/control/calls");
        using var http = lab.Connect(key: null);
        var calls = await http.GetFromJsonAsync<JsonObject>("/control/calls", Cancel);

        Assert.Empty(lab.MagicHour.Faults.All);
        Assert.Equal(0, (int)calls!["total"]!);
        Assert.Equal(0, (int)calls["downloads"]!["with_key"]!);
    }

    [Theory]
    [InlineData("PUT", "/control/switches", """{"errrors": "message_only"}""")]
    [InlineData("POST", "/control/faults", """{"kind": "slow_boody"}""")]
    [InlineData("POST", "/control/faults", "{}")]
    public async Task A_misspelled_call_is_refused(string method, string path, string body)
    {
        await using var lab = await MagicHourLab.StartAsync();

        Assert.Equal(HttpStatusCode.BadRequest, await SendAsync(lab, HttpMethod.Parse(method), path, body));
    }

    private static async Task<HttpStatusCode> SendAsync(MagicHourLab lab, HttpMethod method, string path, string? body = null)
    {
        using var http = lab.Connect(key: null);
        using var request = new HttpRequestMessage(method, path)
        {
            Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json"),
        };
        using var response = await http.SendAsync(request, Cancel);
        return response.StatusCode;
    }
}
