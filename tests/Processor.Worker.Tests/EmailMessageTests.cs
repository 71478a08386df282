using MimeKit;
using Processor.Worker.Jobs;
using Processor.Worker.Notifications;

namespace Processor.Worker.Tests;

/// <summary>What a mail says, and what it cannot be made to say.</summary>
public sealed class EmailMessageTests
{
    private static readonly EmailOptions Options = new() { From = "Studio <studio@example.com>" };

    [Fact]
    public void A_completed_job_comes_with_its_download_and_how_long_that_lasts()
    {
        var message = Write(Telling.Notice("ada@example.com", "Holiday & more"));

        Assert.Equal("Your video \"Holiday & more\" is ready", message.Subject);
        Assert.Equal(
            """
            Your video "Holiday & more" is ready.

            Download it here:
              https://videos.magichour.ai/1.mp4?a=1&t=2 (until 24 November 2026 12:00 UTC)

            Job clx123

            """,
            message.TextBody?.ReplaceLineEndings("\n"));
        Assert.Contains("<strong>Holiday &amp; more</strong>", message.HtmlBody, StringComparison.Ordinal);
        Assert.Contains(
            "<a href=\"https://videos.magichour.ai/1.mp4?a=1&amp;t=2\">https://videos.magichour.ai/1.mp4?a=1&amp;t=2</a> (until 24 November 2026 12:00 UTC)",
            message.HtmlBody, StringComparison.Ordinal);
        Assert.DoesNotContain("failed", message.HtmlBody + message.TextBody, StringComparison.Ordinal);
        Assert.DoesNotContain("{{", message.HtmlBody + message.TextBody, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failed_job_comes_with_its_error()
    {
        var message = Write(Telling.Notice("ada@example.com", outcome: JobStatus.Failed));

        Assert.Equal("Your video \"A\" could not be made", message.Subject);
        Assert.Contains("Please use an image with a detectable face", message.TextBody, StringComparison.Ordinal);
        Assert.Contains("Please use an image with a detectable face", message.HtmlBody, StringComparison.Ordinal);
        Assert.DoesNotContain("{{", message.HtmlBody + message.TextBody, StringComparison.Ordinal);
    }

    [Fact]
    public void A_correction_says_that_it_is_one()
    {
        var message = Write(Telling.Notice("ada@example.com") with { CorrectsFailure = true });

        Assert.Contains("it has completed after all", message.TextBody, StringComparison.Ordinal);
        Assert.Contains("it has completed after all", message.HtmlBody, StringComparison.Ordinal);
    }

    [Fact]
    public void Several_downloads_have_a_line_each_and_only_links_are_linked()
    {
        var message = Write(Telling.Notice("ada@example.com") with
        {
            Downloads = [new("https://v/1", null), new("javascript:alert(1)", null), new("https://v/2\" onclick=\"x", "2026-11-24T12:00:00Z"), new("not a url", null)],
        });

        Assert.Equal(2, message.TextBody?.Split("https://v/").Length - 1);
        Assert.Contains("https://v/1 (for a limited time)", message.TextBody, StringComparison.Ordinal);
        Assert.DoesNotContain("javascript", message.HtmlBody + message.TextBody, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("onclick=\"", message.HtmlBody, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("A\r\nBcc: mallory@example.com", "A  Bcc: mallory@example.com")]
    [InlineData("A\nB\tC\u2028D\u202EE\0F", "A B C D E F")]
    [InlineData("<script>alert(1)</script>", "<script>alert(1)</script>")]
    [InlineData("{{link}}", "{{link}}")]
    [InlineData("Été à Zürich — 夏の写真 🎬", "Été à Zürich — 夏の写真 🎬")]
    [InlineData("   ", "clx123")]
    [InlineData(null, "clx123")]
    public void What_a_user_wrote_is_text_and_nothing_else(string? name, string shown)
    {
        var message = Write(Telling.Notice("ada@example.com", name));

        Assert.Equal($"Your video \"{shown}\" is ready", message.Subject);
        Assert.StartsWith($"Your video \"{shown}\" is ready.", message.TextBody, StringComparison.Ordinal);
        Assert.Contains($"<strong>{System.Net.WebUtility.HtmlEncode(shown)}</strong>", message.HtmlBody, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", message.HtmlBody, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(["ada@example.com"], message.GetRecipients().Select(mailbox => mailbox.Address));
        Assert.Null(message.Headers["Bcc"]);
    }

    [Fact]
    public void A_name_without_an_end_is_cut_and_not_within_an_emoji()
    {
        var message = Write(Telling.Notice("ada@example.com", new string('n', 99) + "🎬🎬"));

        Assert.Equal($"Your video \"{new string('n', 99)}…\" is ready", message.Subject);
    }

    [Fact]
    public void The_id_is_that_of_the_notification_at_every_attempt()
    {
        var notice = Telling.Notice("ada@example.com");
        Notice[] others = [notice with { JobId = "another" }, notice with { Channel = "webhook" }, notice with { Outcome = JobStatus.Failed, Status = JobStatus.Failed }];

        Assert.Equal(Write(notice).MessageId, Write(notice with { Attempt = 7, Name = "B" }).MessageId);
        Assert.EndsWith("@example.com", Write(notice).MessageId, StringComparison.Ordinal);
        Assert.All(others, other => Assert.NotEqual(Write(notice).MessageId, Write(other).MessageId));
    }

    // As it arrives, not as it was meant.
    private static MimeMessage Write(Notice notice)
    {
        using var written = new MemoryStream();
        EmailMessage.Of(notice, Options).WriteTo(written, TestContext.Current.CancellationToken);
        written.Position = 0;
        return MimeMessage.Load(written, TestContext.Current.CancellationToken);
    }
}
