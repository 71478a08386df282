using MimeKit;
using Processor.Worker.Jobs;
using Processor.Worker.Notifications;

namespace Processor.Worker.Tests;

/// <summary>The contents of a mail, and attempts to inject others.</summary>
public sealed class EmailMessageTests
{
    private static readonly EmailOptions Options = new() { From = "Studio <studio@example.com>" };

    [Fact]
    public void A_completed_job_comes_with_its_download_and_how_long_that_lasts()
    {
        var message = Write(NotificationHarness.NotificationDelivery("ada@example.com", "Holiday & more"));

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
        var message = Write(NotificationHarness.NotificationDelivery("ada@example.com", outcome: JobStatus.Failed));

        Assert.Equal("Your video \"A\" could not be made", message.Subject);
        Assert.Contains("Please use an image with a detectable face", message.TextBody, StringComparison.Ordinal);
        Assert.Contains("Please use an image with a detectable face", message.HtmlBody, StringComparison.Ordinal);
        Assert.DoesNotContain("{{", message.HtmlBody + message.TextBody, StringComparison.Ordinal);
    }

    [Fact]
    public void A_correction_says_that_it_is_one()
    {
        var message = Write(NotificationHarness.NotificationDelivery("ada@example.com") with { CorrectsFailure = true });

        Assert.Contains("it has completed after all", message.TextBody, StringComparison.Ordinal);
        Assert.Contains("it has completed after all", message.HtmlBody, StringComparison.Ordinal);
    }

    [Fact]
    public void Several_downloads_have_a_line_each_and_only_links_are_linked()
    {
        var message = Write(NotificationHarness.NotificationDelivery("ada@example.com") with
        {
            Downloads = [new("https://videos.magichour.ai/1", null), new("javascript:alert(1)", null), new("https://videos.magichour.ai/2\" onclick=\"x", "2026-11-24T12:00:00Z"), new("not a url", null)],
        });

        Assert.Equal(2, message.TextBody?.Split("https://videos.magichour.ai/").Length - 1);
        Assert.Contains("https://videos.magichour.ai/1 (for a limited time)", message.TextBody, StringComparison.Ordinal);
        Assert.DoesNotContain("javascript", message.HtmlBody + message.TextBody, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("onclick=\"", message.HtmlBody, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0001-01-01T00:00:00")]
    [InlineData("0001-01-01T00:00:00Z")]
    [InlineData("1970-01-01T00:00:00.000Z")]
    [InlineData("9999-12-31T23:59:59.9999999Z")]
    [InlineData("soon")]
    public void An_expiry_that_stands_for_none_is_not_shown(string expiresAt)
    {
        var notification = NotificationHarness.NotificationDelivery("ada@example.com") with { Downloads = [new("https://videos.magichour.ai/1", expiresAt)] };

        var message = Write(notification);

        Assert.Contains("https://videos.magichour.ai/1 (for a limited time)", message.TextBody, StringComparison.Ordinal);
        Assert.DoesNotContain("until", message.HtmlBody, StringComparison.Ordinal);
        Assert.DoesNotContain("expiresAt", System.Text.Encoding.UTF8.GetString(OutgoingWebhook.Write(notification, "https://example.com:443")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("A\r\nBcc: mallory@example.com", "A  Bcc: mallory\u200B@example\u200B.com")]
    [InlineData("evil.com", "evil\u200B.com")]
    [InlineData("see https://evil.com/a.b now", "see https\u200B://evil\u200B.com/a\u200B.b now")]
    [InlineData("javascript:alert", "javascript\u200B:alert")]
    [InlineData("free\u3002example\uFF0Ecom", "free\u200B\u3002example\u200B\uFF0Ecom")]
    [InlineData("A\u202Egpj.exe\u202C and \u200Fb\u061C", "A gpj\u200B.exe  and  b")]
    [InlineData("Text To Video - 2026-11-23", "Text To Video - 2026-11-23")]
    [InlineData("A\nB\tC\u2028D\u202EE\0F", "A B C D E F")]
    [InlineData("<script>alert(1)</script>", "<script>alert(1)</script>")]
    [InlineData("{{link}}", "{{link}}")]
    [InlineData("हिन्दी.com", "हिन्दी\u200B.com")]
    [InlineData("cafe\u0301.com", "cafe\u0301\u200B.com")]
    [InlineData("Été à Zürich — 夏の写真 🎬", "Été à Zürich — 夏の写真 🎬")]
    [InlineData("   ", "clx123")]
    [InlineData(null, "clx123")]
    public void What_a_user_wrote_is_text_and_nothing_else(string? name, string shown)
    {
        var message = Write(NotificationHarness.NotificationDelivery("ada@example.com", name));

        Assert.Equal($"Your video \"{shown}\" is ready", message.Subject);
        Assert.StartsWith($"Your video \"{shown}\" is ready.", message.TextBody, StringComparison.Ordinal);
        Assert.Contains($"<strong>{System.Net.WebUtility.HtmlEncode(shown)}</strong>", message.HtmlBody, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", message.HtmlBody, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(["ada@example.com"], message.GetRecipients().Select(mailbox => mailbox.Address));
        Assert.Null(message.Headers["Bcc"]);
    }

    [Theory]
    [InlineData("https://evil.com/f")]
    [InlineData("https://magichour.ai.evil.com/f")]
    [InlineData("https://notmagichour.ai/f")]
    [InlineData("https://magichour.ai@evil.com/f")]
    [InlineData("https://evil.com@magichour.ai/f")]
    [InlineData("http://videos.magichour.ai/f")]
    [InlineData("https://videos.magichour.ai\u3002evil.com/f")]
    public void A_download_elsewhere_is_counted_and_not_shown(string url)
    {
        var message = Write(NotificationHarness.NotificationDelivery("ada@example.com") with { Downloads = [new(url, null), new("https://images.magichour.ai/1.png", null)] });

        Assert.DoesNotContain("evil", message.HtmlBody + message.TextBody, StringComparison.Ordinal);
        Assert.DoesNotContain("/f", message.TextBody, StringComparison.Ordinal);
        Assert.Contains("1 file is not listed in this mail.", message.TextBody, StringComparison.Ordinal);
        Assert.Contains("<p>1 file is not listed in this mail.", message.HtmlBody, StringComparison.Ordinal);
        Assert.Equal(1, message.HtmlBody?.Split("<a href=").Length - 1);
    }

    [Fact]
    public void A_host_of_the_settings_is_linked_with_its_subdomains()
    {
        var notification = NotificationHarness.NotificationDelivery("ada@example.com") with { Downloads = [new("https://archive.example.com/1", null), new("https://eu.archive.example.com/2", null)] };

        var message = Write(notification, new EmailOptions { From = Options.From, LinkHosts = ["archive.example.com"] });

        Assert.Equal(2, message.HtmlBody?.Split("<a href=").Length - 1);
        Assert.DoesNotContain("not listed", message.TextBody, StringComparison.Ordinal);
    }

    [Fact]
    public void A_mail_has_a_bounded_number_of_links_whatever_the_row_has()
    {
        var message = Write(NotificationHarness.NotificationDelivery("ada@example.com") with
        {
            Downloads = [.. Enumerable.Range(0, 42_361).Select(i => new VisibleDownload($"https://videos.magichour.ai/{i}", null))],
        });

        Assert.Equal(20, message.HtmlBody?.Split("<a href=").Length - 1);
        Assert.Contains("42341 files are not listed in this mail.", message.TextBody, StringComparison.Ordinal);
    }

    [Fact]
    public void An_error_keeps_links_to_the_sender_and_no_others()
    {
        var message = Write(NotificationHarness.NotificationDelivery("ada@example.com", outcome: JobStatus.Failed) with
        {
            ErrorMessage = "Not a video. See https://docs.magichour.ai/files or https://evil.com/files",
        });

        Assert.Contains("See https://docs.magichour.ai/files or https\u200B://evil\u200B.com/files", message.TextBody, StringComparison.Ordinal);
    }

    [Fact]
    public void The_id_of_a_job_is_no_link_either()
    {
        var message = Write(NotificationHarness.NotificationDelivery("ada@example.com", name: null) with { JobId = "evil.com" });

        Assert.DoesNotContain("evil.com", message.Subject + message.HtmlBody + message.TextBody, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_without_an_end_is_cut_and_not_within_an_emoji()
    {
        var message = Write(NotificationHarness.NotificationDelivery("ada@example.com", new string('n', 99) + "🎬🎬"));

        Assert.Equal($"Your video \"{new string('n', 99)}…\" is ready", message.Subject);
    }

    [Fact]
    public void The_id_is_that_of_the_notification_at_every_attempt()
    {
        var notification = NotificationHarness.NotificationDelivery("ada@example.com");
        NotificationDelivery[] others = [notification with { JobId = "another" }, notification with { Channel = "webhook" }, notification with { Outcome = JobStatus.Failed, Status = JobStatus.Failed }];

        Assert.Equal(Write(notification).MessageId, Write(notification with { Attempt = 7, Name = "B" }).MessageId);
        Assert.EndsWith("@example.com", Write(notification).MessageId, StringComparison.Ordinal);
        Assert.All(others, other => Assert.NotEqual(Write(notification).MessageId, Write(other).MessageId));
    }

    // The message as received rather than as composed.
    private static MimeMessage Write(NotificationDelivery notification) => Write(notification, Options);

    private static MimeMessage Write(NotificationDelivery notification, EmailOptions options)
    {
        using var written = new MemoryStream();
        EmailMessage.Create(notification, options).WriteTo(written, TestContext.Current.CancellationToken);
        written.Position = 0;
        return MimeMessage.Load(written, TestContext.Current.CancellationToken);
    }
}
