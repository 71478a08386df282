using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Text.Unicode;

namespace Platform.Contracts;

/// <summary>
/// Reads JSON strings as text that every store can hold. Replaces with U+FFFD what PostgreSQL cannot store (NUL) and what is not valid
/// UTF-16 (a lone surrogate, as in a truncated emoji). A finished job must not be refused because of its name.
/// </summary>
public static partial class JsonText
{
    /// <summary>The replacement character, U+FFFD.</summary>
    public const char Replacement = '\uFFFD';

    /// <summary>Parses a document, and ensures that every string and every name in it can be read.</summary>
    /// <remarks>
    /// An escaped lone surrogate is valid JSON, but reading it throws. That affects not only the reader of that string, but also code that
    /// looks for a property next to it.
    /// </remarks>
    /// <exception cref="JsonException">The content is not JSON in UTF-8.</exception>
    public static JsonDocument Parse(ReadOnlyMemory<byte> json, JsonDocumentOptions options = default)
    {
        // The parser accepts invalid UTF-8 within strings, and throws only when they are read.
        if (!Utf8.IsValid(json.Span))
        {
            throw new JsonException("It is not UTF-8.");
        }

        return JsonDocument.Parse(MayHoldSurrogates(json.Span) ? WithoutLoneSurrogates(json.Span) : json, options);
    }

    /// <summary>The string, repaired.</summary>
    /// <param name="value">A value of kind <see cref="JsonValueKind.String"/>, from a document returned by <c>Parse</c>.</param>
    public static string Read(JsonElement value) => (value.GetString() ?? "").Replace('\0', Replacement);

    private static bool MayHoldSurrogates(ReadOnlySpan<byte> json) => json.IndexOf("\\ud"u8) >= 0 || json.IndexOf("\\uD"u8) >= 0;

    private static byte[] WithoutLoneSurrogates(ReadOnlySpan<byte> json) =>
        Encoding.UTF8.GetBytes(EscapeSequence().Replace(Encoding.UTF8.GetString(json), match =>
            match.Groups["unit"] is { Success: true } unit && IsSurrogate(unit.ValueSpan) ? "\\uFFFD" : match.Value));

    private static bool IsSurrogate(ReadOnlySpan<char> hex) =>
        char.IsSurrogate((char)ushort.Parse(hex, NumberStyles.HexNumber, CultureInfo.InvariantCulture));

    // A complete pair matches as a whole and stays; any other match contains a lone surrogate.
    [GeneratedRegex(@"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u(?<unit>[0-9a-fA-F]{4})|\\.", RegexOptions.Singleline)]
    private static partial Regex EscapeSequence();
}
