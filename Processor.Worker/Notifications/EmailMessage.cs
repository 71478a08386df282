using System.Globalization;
using System.Net;
using System.Text;
using MimeKit;
using MimeKit.Text;
using Processor.Worker.Jobs;
using Processor.Worker.Owners;

namespace Processor.Worker.Notifications;

/// <summary>Builds the mail for a notification, as text and HTML, from this assembly's embedded templates.</summary>
internal static class EmailMessage
{
    private const int MaxNameLength = 100;
    private const int MaxErrorLength = 500;

    // The sender's tools make up to 16 files.
    private const int MaxLinks = 20;

    /// <summary>A repeated notification gets the same <c>Message-ID</c>, so that mail programs show the duplicates once.</summary>
    /// <exception cref="FormatException">The sender's or the owner's address is not a valid e-mail address.</exception>
    public static MimeMessage Create(NotificationDelivery notification, EmailOptions options)
    {
        var from = ReadAddress(options.From);
        var values = Describe(notification, options);
        var outcome = Job.StatusText(notification.Outcome);
        var message = new MimeMessage
        {
            MessageId = $"{notification.Id:N}@{from.AsciiDomain()}",
            Date = notification.DecidedAt,
            Subject = Render($"{outcome}.subject.txt", values, text => text).Trim(),
            Body = new MultipartAlternative(
                new TextPart(TextFormat.Plain) { Text = Render($"{outcome}.txt", values, text => text) },
                new TextPart(TextFormat.Html) { Text = Render($"{outcome}.html", values, WebUtility.HtmlEncode) }),
        };
        message.From.Add(from);
        message.To.Add(ReadAddress(notification.Address));
        // Suppresses automatic replies, such as holiday notices.
        message.Headers.Add("Auto-Submitted", "auto-generated");
        return message;
    }

    private static MailboxAddress ReadAddress(string text) => EmailAddress.Read(text) ?? throw new FormatException("Not a valid e-mail address.");

    /// <summary>The values a template may use. A name with several values repeats its line; a name without a value removes it.</summary>
    private static Dictionary<string, string[]> Describe(NotificationDelivery notification, EmailOptions options)
    {
        // Only links to known hosts are rendered, even though the event is signed.
        var links = notification.Downloads
            .Select(download => (Url: MailText.ReadLink(download.Url, options.LinkHosts)?.AbsoluteUri, Validity: Validity(download)))
            .Where(link => link.Url is not null)
            .Take(MaxLinks)
            .ToArray();
        var hidden = notification.Downloads.Count - links.Length;
        return new Dictionary<string, string[]>
        {
            ["resource"] = [notification.Resource],
            ["name"] = [MailText.Show(string.IsNullOrWhiteSpace(notification.Name) ? notification.JobId : notification.Name, MaxNameLength)],
            ["job"] = [MailText.Show(notification.JobId, JobLimits.Text)],
            ["link"] = [.. links.Select(link => link.Url!)],
            ["validity"] = [.. links.Select(link => link.Validity)],
            ["links"] = links.Length > 0 ? [""] : [],
            ["hidden"] = hidden > 0 ? [""] : [],
            ["more"] = [$"{hidden} {(hidden == 1 ? "file is" : "files are")}"],
            ["correction"] = notification.CorrectsFailure ? [""] : [],
            ["error"] = [MailText.ShowError(notification.ErrorMessage ?? notification.ErrorCode ?? "The reason is not known.", MaxErrorLength)],
        };
    }

    private static string Validity(VisibleDownload download) => DownloadExpiry.Read(download.ExpiresAt) is { } expiry
        ? string.Create(CultureInfo.InvariantCulture, $"until {expiry:d MMMM yyyy HH:mm} UTC")
        : "for a limited time";

    private static string Render(string template, Dictionary<string, string[]> values, Func<string, string> escape)
    {
        var rendered = new StringBuilder();
        foreach (var line in Templates.Read(template))
        {
            var named = Templates.NamesIn(line).Select(name => values[name]).ToArray();
            var repeats = named.Length == 0 ? 1 : named.Any(texts => texts.Length == 0) ? 0 : named.Max(texts => texts.Length);
            for (var i = 0; i < repeats; i++)
            {
                rendered.Append(Templates.Fill(line, name => escape(values[name][values[name].Length == 1 ? 0 : i]))).Append('\n');
            }
        }

        return rendered.ToString();
    }
}
