using System.Globalization;
using System.Text;
using Processor.Worker.Jobs;

namespace Processor.Worker.Tests;

public sealed class JobTests
{
    private const string Started = """{"type":"video.started","payload":{"id":"j","name":"My video","type":"TEXT_TO_VIDEO","status":"rendering","credits_charged":240}}""";
    private const string Completed = """{"type":"video.completed","payload":{"id":"j","status":"complete","credits_charged":200,"downloads":[{"url":"https://v/1.mp4?t=a","expires_at":"2026-11-24T12:00:00.000Z"},{"url":"https://v/2.mp4"}]}}""";
    private const string Errored = """{"type":"video.errored","payload":{"id":"j","status":"error","error":{"code":"no_source_face","message":"No face"},"credits_charged":0}}""";

    [Fact]
    public void A_completed_job_has_its_downloads()
    {
        var job = Fold((Completed, 3));

        Assert.Equal((JobStatus.Completed, "video", At(3)), (job.Status, job.Resource, job.CompletedAt));
        Assert.Equal("https://v/1.mp4?t=a", job.DownloadUrl);
        Assert.Equal("""[{"url":"https://v/1.mp4?t=a","expires_at":"2026-11-24T12:00:00.000Z"},{"url":"https://v/2.mp4"}]""", job.Downloads);
        Assert.Null(job.ErrorMessage);
    }

    [Theory]
    [InlineData("0001-01-01T00:00:00Z")]
    [InlineData("1970-01-01T00:00:00.000Z")]
    [InlineData("9999-12-31T23:59:59.9999999Z")]
    public void An_expiry_that_stands_for_none_is_none_and_hides_no_other(string none)
    {
        var job = Fold((Completed.Replace("""{"url":"https://v/2.mp4"}""", $$"""{"url":"https://v/2.mp4","expires_at":"{{none}}"}""", StringComparison.Ordinal), 3));

        Assert.Equal(new DateTimeOffset(2026, 11, 24, 12, 0, 0, TimeSpan.Zero), job.DownloadExpiresAt);
        Assert.Contains(none, job.Downloads, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failed_job_has_its_error()
    {
        var job = Fold((Errored, 3));

        Assert.Equal((JobStatus.Failed, "no_source_face", "No face", At(3)), (job.Status, job.ErrorCode, job.ErrorMessage, job.FailedAt));
        Assert.Equal((null, null, 0), (job.DownloadUrl, job.Downloads, job.CreditsCharged));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    public void Started_only_fills_what_the_end_leaves_out_whichever_comes_first(int started, int completed)
    {
        var job = Fold((Started, started), (Completed, completed));

        Assert.Equal((JobStatus.Completed, "My video", "TEXT_TO_VIDEO", 200), (job.Status, job.Name, job.ProjectType, job.CreditsCharged));
        Assert.Equal((At(started), At(completed)), (job.StartedAt, job.CompletedAt));
        Assert.Equal((At(0), At(1)), (job.CreatedAt, job.UpdatedAt));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    public void Completed_wins_over_failed_whichever_comes_first(int errored, int completed)
    {
        var job = Fold((Errored, errored), (Completed, completed));

        Assert.Equal((JobStatus.Completed, At(completed), At(errored)), (job.Status, job.CompletedAt, job.FailedAt));
        Assert.Equal("https://v/1.mp4?t=a", job.DownloadUrl);
    }

    [Fact]
    public void Of_two_bodies_for_one_event_the_earlier_is_right()
    {
        var first = Read("""{"type":"video.errored","payload":{"id":"j","name":"A","error":{"code":"first","message":"1"}}}""", 1);
        var second = Read("""{"type":"video.errored","payload":{"id":"j","name":"B","error":{"code":"second","message":"2"}}}""", 2);

        foreach (var merged in new[] { first.Merge(second), second.Merge(first) })
        {
            Assert.Equal(("first", "1", "A", At(1)), (merged.ErrorCode, merged.ErrorMessage, merged.Name, merged.ReceivedAt));
        }
    }

    [Fact]
    public void A_download_that_is_valid_longer_replaces_the_same_file_and_a_new_one_is_added()
    {
        var first = Read("""{"type":"image.completed","payload":{"id":"j","downloads":[{"url":"https://v/0.png?t=old","expires_at":"2026-11-24T12:00:00Z"},{"url":"https://v/1.png?t=new","expires_at":"2026-11-25T12:00:00Z"}]}}""", 1);
        var second = Read("""{"type":"image.completed","payload":{"id":"j","downloads":[{"url":"https://v/0.png?t=new","expires_at":"2026-11-25T12:00:00Z"},{"url":"https://v/1.png?t=old","expires_at":"2026-11-24T12:00:00Z"},{"url":"https://v/2.png"}]}}""", 2);

        foreach (var merged in new[] { first.Merge(second), second.Merge(first) })
        {
            Assert.Equal(["https://v/0.png?t=new", "https://v/1.png?t=new", "https://v/2.png"], merged.Downloads.Select(download => download.Url));
        }
    }

    [Fact]
    public void Files_of_one_body_differ_by_their_query()
    {
        var job = Fold(("""{"type":"image.completed","payload":{"id":"j","downloads":[{"url":"https://v/get?file=2"},{"url":"https://v/get?file=1"},{"url":"https://v/get"}]}}""", 0));

        Assert.Equal("""[{"url":"https://v/get?file=2"},{"url":"https://v/get?file=1"},{"url":"https://v/get"}]""", job.Downloads);
    }

    [Fact]
    public void A_url_is_shown_once_even_when_only_one_of_two_bodies_needs_its_query()
    {
        var one = Read("""{"type":"image.completed","payload":{"id":"j","downloads":[{"url":"https://v/get?file=1"}]}}""", 1);
        var both = Read("""{"type":"image.completed","payload":{"id":"j","downloads":[{"url":"https://v/get?file=1"},{"url":"https://v/get?file=2"}]}}""", 2);

        foreach (var merged in new[] { one.Merge(both), both.Merge(one), both.Merge(one).Merge(both) })
        {
            Assert.Equal(["https://v/get?file=1", "https://v/get?file=2"], merged.Downloads.Select(download => download.Url));
            Assert.Equal(one.Merge(both).ToJson(), merged.ToJson());
        }
    }

    [Fact]
    public void A_canceled_job_is_canceled_until_it_is_known_to_have_ended_otherwise()
    {
        const string canceled = """{"type":"video.canceled","payload":{"id":"j","name":"A","status":"canceled"}}""";

        var job = Fold((canceled, 3), (Started, 1));
        var completed = Fold((canceled, 3), (Completed, 4));

        Assert.Equal((JobStatus.Canceled, "A", At(3), At(1), null), (job.Status, job.Name, job.CanceledAt, job.StartedAt, job.DeletedAt));
        Assert.Equal((JobStatus.Completed, At(3), At(4)), (completed.Status, completed.CanceledAt, completed.CompletedAt));
    }

    [Fact]
    public void A_deletion_is_added_whichever_body_of_the_event_comes_first()
    {
        var webhook = Read("""{"type":"video.completed","payload":{"id":"j","enabled":true,"downloads":[]}}""", 1);
        var answer = Read("""{"type":"video.completed","payload":{"id":"j","enabled":false,"downloads":[]}}""", 2);

        Assert.Equal(webhook.Merge(answer).ToJson(), answer.Merge(webhook).ToJson());
        var job = Job.From("j", [webhook.Merge(answer)]);
        Assert.Equal((JobStatus.Completed, At(1), At(2)), (job.Status, job.CompletedAt, job.DeletedAt));
    }

    [Theory]
    [InlineData("""{"type":"project.deleted","payload":{"id":"j"}}""")]
    [InlineData("""{"type":"Video.completed","payload":{"id":"j"}}""")]
    [InlineData("""{"type":"video.completed.v2","payload":{"id":"j"}}""")]
    [InlineData("""{"type":"text.completed","payload":{"id":"j"}}""")]
    [InlineData("""{"type":"","payload":{"id":"j"}}""")]
    public void An_unknown_type_says_nothing_about_a_job(string body) => Assert.Null(TryRead(body, 0));

    [Theory]
    [InlineData("""{"type":"video.completed","payload":{"id":"j"}}""")]
    [InlineData("""{"type":"video.completed","payload":{"id":"j","downloads":null,"download":null,"error":null,"name":null}}""")]
    [InlineData("""{"type":"video.completed","payload":{"id":"j","downloads":{"url":"x"},"error":"x","name":7,"credits_charged":"x","type":[]}}""")]
    [InlineData("""{"type":"video.completed","payload":{"id":"j","downloads":[null,1,"x",{},{"url":null},{"url":""},{"url":5}],"credits_charged":1.5}}""")]
    [InlineData("""{"type":"video.completed","payload":{"id":"j","downloads":[],"credits_charged":99999999999999999999}}""")]
    public void What_has_an_unexpected_shape_counts_as_not_said(string body)
    {
        var job = Fold((body, 0));

        Assert.Equal((JobStatus.Completed, null, "[]", null, null), (job.Status, job.DownloadUrl, job.Downloads, job.Name, job.CreditsCharged));
    }

    [Fact]
    public void The_deprecated_download_and_the_old_name_of_the_payload_are_read()
    {
        var job = Fold(("""{"type":"video.completed","object":{"id":"j","download":{"url":"https://v/1.mp4","expires_at":"soon"}}}""", 0));

        Assert.Equal("""[{"url":"https://v/1.mp4","expires_at":"soon"}]""", job.Downloads);
    }

    [Fact]
    public void A_name_that_no_column_can_hold_is_repaired()
    {
        var job = Fold(("""{"type":"video.started","payload":{"id":"j","name":"cut \ud83c and \u0000"}}""", 0));

        Assert.Equal("cut \uFFFD and \uFFFD", job.Name);
    }

    [Fact]
    public void A_key_that_no_string_can_hold_hides_nothing_else()
    {
        var job = Fold(("""{"type":"video.started","payload":{"id":"j","name":"A","\ud83c, a key that was cut in two":1}}""", 0));

        Assert.Equal("A", job.Name);
    }

    [Fact]
    public void A_fact_is_the_same_after_it_was_stored()
    {
        var fact = Read(Completed, 3);

        var stored = JobFact.FromJson(fact.ToJson());

        Assert.Equal(fact.ToJson(), stored.ToJson());
        Assert.Equal(2, stored.Downloads.Count);
    }

    private static DateTimeOffset At(int second) => Deliveries.Noon.AddSeconds(second);

    private static JobFact? TryRead(string body, int second)
    {
        using var document = System.Text.Json.JsonDocument.Parse(body);
        return JobPayload.Read(document.RootElement.GetProperty("type").GetString()!, At(second), Encoding.UTF8.GetBytes(body));
    }

    private static JobFact Read(string body, int second) => TryRead(body, second) ?? throw new InvalidOperationException("Not about a job.");

    [Theory]
    [InlineData("2026-11-24T12:00:00.000Z", "2026-11-24T12:00:00.0000000")]
    [InlineData("2026-11-24T12:00:00.123456789Z", "2026-11-24T12:00:00.1234567")]
    [InlineData("2026-11-24T12:00:00+01:00", "2026-11-24T11:00:00.0000000")]
    [InlineData("2026-11-24T12:00", "2026-11-24T12:00:00.0000000")]
    [InlineData("2026-11-24", "2026-11-24T00:00:00.0000000")]
    [InlineData("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.9990000")]
    [InlineData("10:00", null)]
    [InlineData("1/2", null)]
    [InlineData("12/2026", null)]
    [InlineData("24 Nov 2026", null)]
    [InlineData("Tue, 24 Nov 2026 12:00:00 GMT", null)]
    [InlineData(" 2026-11-24T12:00:00Z", null)]
    [InlineData("2026-11-24T12:00:00Z\n", null)]
    [InlineData("0001-01-01T00:00:00+14:00", null)]
    [InlineData("9999-12-31T23:59:59-14:00", null)]
    [InlineData("", null)]
    [InlineData(null, null)]
    public void Only_ISO_8601_says_when_a_download_expires(string? text, string? utc)
    {
        var expiry = JobPayload.ReadTime(text);

        Assert.Equal(utc, expiry?.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffffff", CultureInfo.InvariantCulture));
    }

    private static Job Fold(params (string Body, int Second)[] events) => Job.From("j", events.Select(one => Read(one.Body, one.Second)));
}
