using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Processor.Worker.WebConsole;

/// <summary>
/// Text from outside as the console shows it. Markup is encoded by the pages themselves; here, invisible characters that reorder or hide text
/// become visible, and its length is limited.
/// </summary>
internal static class Inert
{
    /// <summary>Characters of all bodies on a page, which share them equally; the API has all of them.</summary>
    public const int MaxBodies = 20_000;

    private const int MaxText = 500;

    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        // Names in other scripts stay readable; the pages encode what is left.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>One line.</summary>
    public static string Line(string? text) => Show(text ?? "", MaxText, keepLines: false);

    public static string Body(JsonNode? json, int limit) => json is null ? "" : Show(json.ToJsonString(Indented), limit, keepLines: true);

    /// <summary>Bytes as text; those that are not UTF-8 become U+FFFD.</summary>
    public static string Body(byte[] bytes, int limit) => Show(Encoding.UTF8.GetString(bytes), limit, keepLines: true);

    private static string Show(string text, int limit, bool keepLines)
    {
        // Never ends within a surrogate pair.
        var end = text.Length <= limit ? text.Length : char.IsHighSurrogate(text[limit - 1]) ? limit - 1 : limit;
        var shown = new StringBuilder(end);
        foreach (var character in text.AsSpan(0, end))
        {
            shown.Append(keepLines && character is '\n' or '\t' ? character : IsInvisible(character) ? '\uFFFD' : character);
        }

        return end < text.Length ? shown.Append('…').ToString() : shown.ToString();
    }

    // Control characters; marks, embeddings, overrides and isolates of direction; line and paragraph separators; zero-width characters.
    private static bool IsInvisible(char character) =>
        char.IsControl(character) || character is (>= '\u200B' and <= '\u200F') or (>= '\u2028' and <= '\u202E') or (>= '\u2060' and <= '\u2069') or '\u061C' or '\uFEFF';
}
