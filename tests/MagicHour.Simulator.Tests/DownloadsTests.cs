using System.Net;
using System.Text.Json.Nodes;
using Platform.Simulator.Api;

namespace Platform.Simulator.Tests;

/// <summary>The downloads that the simulated Magic Hour serves.</summary>
public sealed class DownloadsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_GET_issues_a_new_address_that_is_valid_for_24_hours()
    {
        await using var lab = await MagicHourLab.StartAsync();
        var job = await CompleteAsync(lab);

        var first = Download(await lab.GetProjectAsync(job));
        lab.Time.Advance(TimeSpan.FromMinutes(1));
        var second = Download(await lab.GetProjectAsync(job));

        Assert.Equal(job.EndsAt + TimeSpan.FromHours(24), first.ExpiresAt, TimeSpan.FromMilliseconds(1));
        Assert.Equal(first.ExpiresAt + TimeSpan.FromMinutes(1), second.ExpiresAt);
        Assert.NotEqual(first.Url, second.Url);
        Assert.Equal(HttpStatusCode.OK, await OpenAsync(first.Url));
    }

    [Fact]
    public async Task GET_may_repeat_an_address_until_it_expires()
    {
        await using var lab = await MagicHourLab.StartAsync();
        lab.MagicHour.Switches = new ApiSwitches { SameUrlUntilExpiry = true };
        var job = await CompleteAsync(lab);

        var first = Download(await lab.GetProjectAsync(job));
        lab.Time.Advance(TimeSpan.FromHours(23));
        var second = Download(await lab.GetProjectAsync(job));
        lab.Time.Advance(TimeSpan.FromHours(2));
        var third = Download(await lab.GetProjectAsync(job));

        Assert.Equal(first, second);
        Assert.NotEqual(first.Url, third.Url);
    }

    [Fact]
    public async Task An_expired_or_altered_address_is_refused()
    {
        await using var lab = await MagicHourLab.StartAsync();
        var job = await CompleteAsync(lab);
        var (url, expiresAt) = Download(await lab.GetProjectAsync(job));

        var altered = await OpenAsync($"{url}0");
        lab.PassTo(expiresAt);
        var expired = await OpenAsync(url);

        Assert.Equal((HttpStatusCode.Forbidden, HttpStatusCode.Forbidden), (altered, expired));
        Assert.Equal(new DownloadCounts(Refused: 2), lab.MagicHour.Calls.Report().Downloads);
    }

    [Fact]
    public async Task A_request_with_the_key_is_refused_and_counted()
    {
        await using var lab = await MagicHourLab.StartAsync();
        var job = await CompleteAsync(lab);

        using var response = await lab.Http.GetAsync(Download(await lab.GetProjectAsync(job)).Url, Cancel);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal(new DownloadCounts(WithKey: 1), lab.MagicHour.Calls.Report().Downloads);
    }

    [Fact]
    public async Task The_downloads_of_a_deleted_job_are_gone()
    {
        await using var lab = await MagicHourLab.StartAsync();
        var job = await CompleteAsync(lab);
        var (url, _) = Download(await lab.GetProjectAsync(job));

        job.Delete(lab.Time.GetUtcNow());

        Assert.Equal(HttpStatusCode.NotFound, await OpenAsync(url));
    }

    [Fact]
    public async Task A_download_of_any_size_can_be_resumed()
    {
        await using var lab = await MagicHourLab.StartAsync();
        lab.MagicHour.Switches = new ApiSwitches { DownloadBytes = 1_000_003 };
        var job = await CompleteAsync(lab);
        var (url, _) = Download(await lab.GetProjectAsync(job));
        using var client = new HttpClient();

        var whole = await client.GetByteArrayAsync(url, Cancel);
        using var request = new HttpRequestMessage(HttpMethod.Get, url) { Headers = { Range = new(700_000, null) } };
        using var response = await client.SendAsync(request, Cancel);

        Assert.Equal(1_000_003, whole.Length);
        Assert.Equal(HttpStatusCode.PartialContent, response.StatusCode);
        Assert.Equal(whole[700_000..], await response.Content.ReadAsByteArrayAsync(Cancel));
    }

    [Fact]
    public async Task Every_result_of_a_job_has_its_download()
    {
        await using var lab = await MagicHourLab.StartAsync();
        var created = await lab.PostAsync("ai-image-generator", """{"image_count": 2}""");
        lab.MagicHour.Jobs.TryFind($"{created["id"]}", out var job);
        lab.PassTo(job!.EndsAt);

        var downloads = (await lab.GetProjectAsync(job))["downloads"]!.AsArray().Select(download => $"{download!["url"]}").ToArray();

        Assert.Equal(2, downloads.Distinct().Count());
        Assert.Equal(HttpStatusCode.OK, await OpenAsync(downloads[1]));
    }

    private static async Task<SimulatedJob> CompleteAsync(MagicHourLab lab)
    {
        var job = await lab.CreateAsync();
        lab.PassTo(job.EndsAt);
        return job;
    }

    private static (string Url, DateTimeOffset ExpiresAt) Download(JsonObject project) =>
        ($"{project["downloads"]![0]!["url"]}", (DateTimeOffset)project["downloads"]![0]!["expires_at"]!);

    private static async Task<HttpStatusCode> OpenAsync(string url)
    {
        using var client = new HttpClient();
        using var response = await client.GetAsync(url, Cancel);
        return response.StatusCode;
    }
}
