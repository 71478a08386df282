using Platform.Simulator.Api;

namespace Platform.Simulator.Tests;

/// <summary>What the simulated Magic Hour knows about the calls that it got.</summary>
public sealed class CallLogTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Calls_are_counted_by_method_job_second_and_status()
    {
        await using var lab = await MagicHourLab.StartAsync();
        var job = await lab.CreateAsync();
        using var first = await lab.RequestProjectAsync(job);
        lab.Time.Advance(TimeSpan.FromSeconds(1));
        using var second = await lab.RequestProjectAsync(job);
        using var deleted = await lab.Http.DeleteAsync($"/v1/video-projects/{job.Id}", Cancel);
        using var stranger = lab.Connect(key: null);
        using var refused = await stranger.GetAsync("/v1/video-projects/other", Cancel);

        var report = lab.MagicHour.Calls.Report();

        Assert.Equal(5, report.Total);
        Assert.Equal((1, 3, 1), (report.ByMethod["POST"], report.ByMethod["GET"], report.ByMethod["DELETE"]));
        Assert.Equal((3, 1, 1), (report.ByStatus["200"], report.ByStatus["204"], report.ByStatus["401"]));
        Assert.Equal((2, 1), (report.ByJob[job.Id]["GET"], report.ByJob[job.Id]["DELETE"]));
        Assert.Equal(1, report.ByJob["other"]["GET"]);
        Assert.Equal((1, 2), (report.BySecond["2026-11-29T12:00:00Z"]["GET"], report.BySecond["2026-11-29T12:00:01Z"]["GET"]));
        Assert.Equal([("text-to-video", job.Id)], report.Creates.Select(create => (create.Tool, create.Id)));
    }

    [Fact]
    public async Task The_most_calls_in_a_second_are_found_wherever_it_begins()
    {
        await using var lab = await MagicHourLab.StartAsync();
        var job = await lab.CreateAsync();
        lab.Time.Advance(TimeSpan.FromMilliseconds(900));
        for (var i = 0; i < 4; i++)
        {
            using var response = await lab.RequestProjectAsync(job);
            lab.Time.Advance(TimeSpan.FromMilliseconds(300));
        }

        var report = lab.MagicHour.Calls.Report();

        Assert.Equal([1, 3], report.BySecond.Values.Where(second => second.ContainsKey("GET")).Select(second => second["GET"]));
        Assert.Equal(4, report.MostInOneSecond["GET"]);
    }

    [Fact]
    public async Task The_log_can_be_cleared()
    {
        await using var lab = await MagicHourLab.StartAsync();
        await lab.CreateAsync();

        lab.MagicHour.Calls.Clear();

        Assert.Equal((0, new DownloadCounts()), (lab.MagicHour.Calls.Report().Total, lab.MagicHour.Calls.Report().Downloads));
    }
}
