using System.Buffers;

namespace Platform.Contracts;

/// <summary>Text that others have chosen, as logs and traces show it.</summary>
public static class ShownText
{
    private const int MaxLength = 200;
    private const string Withheld = "(withheld)";

    // None lies beyond the separator of paragraphs, so that the first event of a process does not wait for a look at all characters.
    private static readonly SearchValues<char> Controls =
        SearchValues.Create([.. Enumerable.Range(0, '\u2029' + 1).Select(code => (char)code).Where(IsControl)]);

    /// <summary>In one line, of bounded length: what others choose must not be able to look like a line of ours.</summary>
    public static string OneLine(string? text) => WithoutControls(text is { Length: > MaxLength } ? text[..MaxLength] : text);

    /// <summary>The text itself where it has no control characters; U+FFFD in the place of each that it has.</summary>
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
    /// A type, an id or a status, in one line. What is none of these but a URL, whose query is a credential, or the address of a person is
    /// not shown at all.
    /// </summary>
    public static string Name(string? text) => text.AsSpan().ContainsAny("/?=@") ? Withheld : OneLine(text);

    private static bool IsControl(char character) => char.IsControl(character) || character is '\u2028' or '\u2029';
}
