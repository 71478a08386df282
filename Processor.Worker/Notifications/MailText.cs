using System.Text.RegularExpressions;
using Processor.Worker.Jobs;
using Processor.Worker.Owners;

namespace Processor.Worker.Notifications;

/// <summary>Sanitises third-party text for mails: limits its links, and keeps the rest plain text.</summary>
internal static partial class MailText
{
    private const string SenderHost = "magichour.ai";

    // Zero-width space: invisible to readers, and keeps mail programs from turning text into a link.
    private const string Break = "\u200B";

    /// <summary>The URL to link to; null when the link is not allowed.</summary>
    /// <param name="hosts">Allowed in addition to the sender's own (<see cref="EmailOptions.LinkHosts"/>).</param>
    public static Uri? ReadLink(string text, IReadOnlyCollection<string> hosts) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && url is { Scheme: "https", UserInfo: "" } && hosts.Append(SenderHost).Any(host => IsWithin(url.IdnHost, host))
            ? url
            : null;

    /// <summary>User text that mail programs will not turn into links.</summary>
    public static string Show(string text, int maxLength) => WithoutLinks().Replace(OneLine(text, maxLength), Break);

    /// <summary>The same for an error message, except that links to the sender's own pages stay: they help the user.</summary>
    public static string ShowError(string text, int maxLength) => string.Join(' ', OneLine(text, maxLength).Split(' ')
        .Select(word => ReadLink(word, []) is null ? WithoutLinks().Replace(word, Break) : word));

    /// <summary>Reduces text to one line of bounded length: a line break could start a header or another paragraph.</summary>
    private static string OneLine(string text, int maxLength)
    {
        var line = string.Concat(text.Select(character => Breaks(character) ? ' ' : character)).Trim();
        return line.Length <= maxLength ? line : $"{JobLimits.Cut(line, maxLength)}…";
    }

    private static bool IsWithin(string host, string domain) =>
        host.Equals(domain, StringComparison.OrdinalIgnoreCase) || host.EndsWith($".{domain}", StringComparison.OrdinalIgnoreCase);

    // Line breaks of any kind, and characters that change the direction of the surrounding text.
    private static bool Breaks(char character) => char.IsControl(character) || character is '\u2028' or '\u2029' || Bidi.IsControl(character);

    // Before the dot of a host name, the colon of a scheme, and the @ of an address.
    [GeneratedRegex(@"(?<=[\p{L}\p{N}\p{M}])(?=[.\u2024\u3002\uFF0E\uFF61][\p{L}\p{N}])|(?<=[\p{L}\p{M}])(?=:\S)|(?=@)")]
    private static partial Regex WithoutLinks();
}
