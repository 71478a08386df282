using System.Globalization;
using System.Text;

namespace Platform.ServiceDefaults.Settings;

/// <summary>
/// Cleans and checks a secret as it reaches a setting: pasted, quoted, or with the line end of a file. Any extra character would fail every
/// signature, key or login without an explanation.
/// </summary>
public static class SecretText
{
    // Includes those that text editors and chats insert.
    private const string OpeningQuotes = "\"'`\u201C\u2018";
    private const string ClosingQuotes = "\"'`\u201D\u2019";

    /// <summary>Removes surrounding white space, which no generated secret has. Null becomes empty.</summary>
    public static string Trim(string? secret) => secret?.Trim() ?? "";

    /// <summary>The same for several secrets, such as those of a rotation.</summary>
    public static string[] Trim(string[] secrets) => [.. secrets.Select(Trim)];

    /// <summary>
    /// Removes trailing line ends, for a password. Other white space stays and is an error (<see cref="FindError"/>): a person chose the
    /// password and may have intended it.
    /// </summary>
    public static string TrimLineEnds(string? password) => password?.TrimEnd('\r', '\n') ?? "";

    /// <summary>
    /// Finds characters that cannot be intended, worded to continue a sentence about the
    /// setting and without the secret; null when there are none.
    /// </summary>
    public static string? FindError(string secret) => secret switch
    {
        _ when string.IsNullOrWhiteSpace(secret) => "is empty.",
        _ when secret.Length != secret.Trim().Length => "begins or ends with white space.",
        [var first, .., var last] when OpeningQuotes.Contains(first, StringComparison.Ordinal) && ClosingQuotes.Contains(last, StringComparison.Ordinal) =>
            "is in quotation marks, which would be part of it.",
        _ when secret.EnumerateRunes().Any(IsInvisible) => "holds a line end, or another character that cannot be seen or is not text.",
        _ => null,
    };

    // Bytes that are not text, such as a file in an encoding other than UTF-8, are read as U+FFFD.
    private static bool IsInvisible(Rune character) => character == Rune.ReplacementChar || Rune.GetUnicodeCategory(character)
        is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}
