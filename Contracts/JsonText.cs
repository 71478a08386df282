using System.Globalization;
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

    /// <summary>The string, repaired.</summary>
    /// <param name="value">A value of kind <see cref="JsonValueKind.String"/>.</param>
    public static string Read(JsonElement value)
    {
        string text;
        try
        {
            text = value.GetString() ?? "";
        }
        catch (InvalidOperationException)
        {
            // An escaped surrogate without its other half: the only string of a valid document that cannot be read as it is.
            text = JsonSerializer.Deserialize<string>(WithoutLoneSurrogates(value.GetRawText())) ?? "";
        }

        return text.Replace('\0', Replacement);
    }

    private static string WithoutLoneSurrogates(string json) => EscapeSequence().Replace(json, match =>
        match.Groups["unit"] is { Success: true } unit && IsSurrogate(unit.ValueSpan) ? "\\uFFFD" : match.Value);

    private static bool IsSurrogate(ReadOnlySpan<char> hex) =>
        char.IsSurrogate((char)ushort.Parse(hex, NumberStyles.HexNumber, CultureInfo.InvariantCulture));

    // A whole pair is one match and stays; what is left with a surrogate in it stands alone.
    [GeneratedRegex(@"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u(?<unit>[0-9a-fA-F]{4})|\\.", RegexOptions.Singleline)]
    private static partial Regex EscapeSequence();
}
