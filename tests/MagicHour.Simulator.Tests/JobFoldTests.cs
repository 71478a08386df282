using System.Text;
using Platform.Simulator.Verdicts;

namespace Platform.Simulator.Tests;

/// <summary>What a job must look like, by hand.</summary>
public sealed class JobFoldTests
{
    private const string Started =
        """
        {"type":"video.started","payload":{"id":"a","name":"first","type":"T","credits_charged":240,"downloads":[],"error":null}}
        """;

    private const string Errored =
        """
        {"type":"video.errored","payload":{"id":"a","name":null,"type":"T","credits_charged":0,
            "error":{"message":"No face","code":"no_face"}}}
        """;

    private const string Completed =
        """
        {"type":"video.completed","payload":{"id":"a","name":"last","credits_charged":250,"error":null,"downloads":[
            {"url":"https://v/0.mp4?t=1","expires_at":"2026-11-24T12:00:00.000Z"},
            {"url":"https://v/1.mp4?t=1","expires_at":"2026-11-24T12:00:00.000Z"}]}}
        """;

    [Fact]
    public void A_job_that_has_started_is_rendering()
    {
        var job = JobFold.FromEvents([Published("video.started", Started)]);

        Assert.Equal(new JobState("video", "rendering", "T", "first", 240, null, null, null, null), job);
    }

    [Fact]
    public void A_job_that_has_failed_says_why_and_takes_its_name_from_its_start()
    {
        var job = JobFold.FromEvents([Published("video.started", Started), Published("video.errored", Errored)]);

        Assert.Equal(new JobState("video", "failed", "T", "first", 0, null, null, "no_face", "No face"), job);
    }

    [Fact]
    public void A_job_that_was_completed_after_all_is_completed_whatever_the_order()
    {
        PublishedEvent[] events = [Published("video.completed", Completed), Published("video.errored", Errored), Published("video.started", Started)];

        Assert.All(
            (PublishedEvent[][])[events, [.. events.Reverse()]],
            published => Assert.Equal(
                new JobState(
                    "video", "completed", "T", "last", 250, "https://v/0.mp4?t=1",
                    "https://v/0.mp4?t=1 2026-11-24T12:00:00.000Z\nhttps://v/1.mp4?t=1 2026-11-24T12:00:00.000Z", "no_face", "No face"),
                JobFold.FromEvents(published)));
    }

    [Fact]
    public void Of_two_bodies_the_earlier_is_right_but_downloads_that_are_valid_longer_are_taken_from_the_later()
    {
        var later = Completed.Replace("last", "too late", StringComparison.Ordinal)
            .Replace("0.mp4?t=1\",\"expires_at\":\"2026-11-24", "0.mp4?t=2\",\"expires_at\":\"2026-11-25", StringComparison.Ordinal);

        var job = JobFold.FromEvents([Published("video.completed", Completed, later)]);

        Assert.Equal("last", job.Name);
        Assert.Equal("https://v/0.mp4?t=2", job.DownloadUrl);
        Assert.Equal("https://v/0.mp4?t=2 2026-11-25T12:00:00.000Z\nhttps://v/1.mp4?t=1 2026-11-24T12:00:00.000Z", job.Downloads);
    }

    [Fact]
    public void Half_an_emoji_in_a_name_is_repaired()
    {
        var job = JobFold.FromEvents([Published("video.started", Started.Replace("first", @"cut \ud83c", StringComparison.Ordinal))]);

        Assert.Equal("cut \uFFFD", job.Name);
    }

    [Theory]
    [InlineData("video.started", true)]
    [InlineData("audio.errored", true)]
    [InlineData("video.archived", false)]
    [InlineData("project.deleted", false)]
    public void Only_the_nine_known_types_move_a_job(string type, bool moves) => Assert.Equal(moves, JobFold.Concerns(type));

    private static PublishedEvent Published(string type, params string[] bodies) => new(type, [.. bodies.Select(Encoding.UTF8.GetBytes)]);
}
