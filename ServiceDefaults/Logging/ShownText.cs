using System.Buffers;

namespace Platform.ServiceDefaults.Logging;

/// <summary>Makes text from outside safe to show in logs and traces.</summary>
public static class ShownText
{
    /// <summary>Maximum length of a log message, in characters.</summary>
    public const int MaxMessageLength = 4096;

    private const int MaxExceptionLength = 16 * 1024;
    private const int MaxLength = 200;
    private const string Withheld = "(withheld)";

    // No control character lies beyond the paragraph separator, so the search stops
    // there; searching all characters would delay the first event of a process.
    private static readonly SearchValues<char> Controls =
        SearchValues.Create([.. Enumerable.Range(0, '\u2029' + 1).Select(code => (char)code).Where(IsControl)]);

    /// <summary>Converts the text to one line of bounded length, so that outside text cannot imitate a log line of the platform.</summary>
    public static string OneLine(string? text) => WithoutControls(text is { Length: > MaxLength } ? text[..MaxLength] : text);

    /// <summary>Truncates the text to this many characters; the last one then marks the cut.</summary>
    public static string Shorten(string text, int maxLength) => text.Length <= maxLength ? text : $"{text.AsSpan(0, maxLength - 1)}…";

    /// <summary>
    /// Formats an exception with bounded length and every line indented: its message may hold outside text, including line ends, and must
    /// not imitate a log record of the platform.
    /// </summary>
    public static string Indent(Exception exception) => string.Join(
        Environment.NewLine,
        Describe(exception).ReplaceLineEndings("\n").Split('\n').Select(line => $"    {WithoutControls(line)}"));

    /// <summary>Formats an exception with its stack, with bounded length.</summary>
    public static string Describe(Exception exception) => Shorten(exception.ToString(), MaxExceptionLength);

    /// <summary>Replaces each control character with U+FFFD; returns the same text when it has none.</summary>
    public static string WithoutControls(string? text) => text is null || !text.AsSpan().ContainsAny(Controls)
        ? text ?? ""
        : string.Create(text.Length, text, static (line, text) =>
        {
            for (var i = 0; i < line.Length; i++)
            {
                line[i] = IsControl(text[i]) ? '\uFFFD' : text[i];
            }
        });

    /// <summary>
    /// Shows a type, an id or a status in one line. Withholds text that looks like a URL,
    /// whose query may be a credential, or like an e-mail address.
    /// </summary>
    public static string Name(string? text) => text.AsSpan().ContainsAny("/?=@") ? Withheld : OneLine(text);

    private static bool IsControl(char character) => char.IsControl(character) || character is '\u2028' or '\u2029';
}
