using System.Globalization;
using System.Net;
using System.Text;
using MimeKit;
using MimeKit.Text;
using Processor.Worker.Jobs;

namespace Processor.Worker.Notifications;

/// <summary>The mail that a notice becomes: text and HTML, from the templates of this assembly.</summary>
internal static class EmailMessage
{
    private const int MaxNameLength = 100;
    private const int MaxErrorLength = 500;

    /// <summary>The same notice gives a mail with the same <c>Message-ID</c>: a reader shows a mail that came twice once.</summary>
    public static MimeMessage Of(Notice notice, EmailOptions options)
    {
        var from = MailboxAddress.Parse(options.From);
        var values = Describe(notice);
        var outcome = notice.Outcome is JobStatus.Completed ? "completed" : "failed";
        var message = new MimeMessage
        {
            MessageId = $"{notice.Id:N}@{from.Domain}",
            Date = notice.DecidedAt,
            Subject = Render($"{outcome}.subject.txt", values, text => text).Trim(),
            Body = new MultipartAlternative(
                new TextPart(TextFormat.Plain) { Text = Render($"{outcome}.txt", values, text => text) },
                new TextPart(TextFormat.Html) { Text = Render($"{outcome}.html", values, WebUtility.HtmlEncode) }),
        };
        message.From.Add(from);
        message.To.Add(MailboxAddress.Parse(notice.Address));
        // Nobody's holiday notice is to come back.
        message.Headers.Add("Auto-Submitted", "auto-generated");
        return message;
    }

    /// <summary>What a template may name. A name with several values repeats its line, one with none takes its line away.</summary>
    private static Dictionary<string, string[]> Describe(Notice notice)
    {
        // What is linked is http or https, whoever signed the event.
        var links = notice.Downloads
            .Where(download => Uri.TryCreate(download.Url, UriKind.Absolute, out var url) && url.Scheme is "http" or "https")
            .ToArray();
        return new Dictionary<string, string[]>
        {
            ["resource"] = [notice.Resource],
            ["name"] = [string.IsNullOrWhiteSpace(notice.Name) ? notice.JobId : OneLine(notice.Name, MaxNameLength)],
            ["job"] = [notice.JobId],
            ["link"] = [.. links.Select(link => new Uri(link.Url).AbsoluteUri)],
            ["validity"] = [.. links.Select(Validity)],
            ["links"] = links.Length > 0 ? [""] : [],
            ["correction"] = notice.CorrectsFailure ? [""] : [],
            ["error"] = [OneLine(notice.ErrorMessage ?? notice.ErrorCode ?? "The reason is not known.", MaxErrorLength)],
        };
    }

    private static string Validity(VisibleDownload download) => JobPayload.ReadTime(download.ExpiresAt) is { } expiry
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

    /// <summary>What a user wrote, in one line and not endless: a line break would be the beginning of a header, or of a paragraph of ours.</summary>
    private static string OneLine(string text, int maxLength)
    {
        var line = string.Concat(text.Select(character => Breaks(character) ? ' ' : character)).Trim();
        if (line.Length <= maxLength)
        {
            return line;
        }

        // Not through the middle of an emoji.
        return line[..(char.IsHighSurrogate(line[maxLength - 1]) ? maxLength - 1 : maxLength)] + "…";
    }

    // Line ends of any kind, and what turns the direction of the text around it.
    private static bool Breaks(char character) =>
        char.IsControl(character) || character is (>= '\u2028' and <= '\u202E') or (>= '\u2066' and <= '\u2069');
}
