using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Platform.Contracts;

/// <summary>
/// Reads JSON strings as text that every store can hold: what PostgreSQL (NUL) or UTF-16 (a surrogate without its other half,
/// as in an emoji that was cut in two) cannot hold becomes U+FFFD. A finished job is never refused for its name.
/// </summary>
public static partial class JsonText
{
    private const char Replacement = '\uFFFD';

    /// <summary>Parses a document in which every string and every name can be read.</summary>
    /// <remarks>
    /// An escaped surrogate without its other half is valid JSON, but whoever comes across it throws: not only the reader of that
    /// string, also whoever looks for a property beside it.
    /// </remarks>
    /// <exception cref="JsonException">It is not JSON.</exception>
    public static JsonDocument Parse(ReadOnlyMemory<byte> json, JsonDocumentOptions options = default) =>
        JsonDocument.Parse(MayHoldSurrogates(json.Span) ? WithoutLoneSurrogates(json.Span) : json, options);

    /// <summary>The string, repaired.</summary>
    /// <param name="value">A value of kind <see cref="JsonValueKind.String"/>, of a document that was parsed here.</param>
    public static string Read(JsonElement value) => (value.GetString() ?? "").Replace('\0', Replacement);

    private static bool MayHoldSurrogates(ReadOnlySpan<byte> json) => json.IndexOf("\\ud"u8) >= 0 || json.IndexOf("\\uD"u8) >= 0;

    private static byte[] WithoutLoneSurrogates(ReadOnlySpan<byte> json) =>
        Encoding.UTF8.GetBytes(EscapeSequence().Replace(Encoding.UTF8.GetString(json), match =>
            match.Groups["unit"] is { Success: true } unit && IsSurrogate(unit.ValueSpan) ? "\\uFFFD" : match.Value));

    private static bool IsSurrogate(ReadOnlySpan<char> hex) =>
        char.IsSurrogate((char)ushort.Parse(hex, NumberStyles.HexNumber, CultureInfo.InvariantCulture));

    // A whole pair is one match and stays; what is left with a surrogate in it stands alone.
    [GeneratedRegex(@"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u(?<unit>[0-9a-fA-F]{4})|\\.", RegexOptions.Singleline)]
    private static partial Regex EscapeSequence();
}
