using System.Globalization;
using System.Text;

namespace Processor.Worker.Owners;

/// <summary>Converts domain names to ASCII (<c>xn--…</c>), which DNS and mail servers without SMTPUTF8 need.</summary>
internal static class DomainName
{
    private static readonly IdnMapping Idn = new() { UseStd3AsciiRules = true };

    /// <returns>Null when there is no ASCII form, or it is ambiguous.</returns>
    public static string? ToAscii(string domain)
    {
        if (Ascii.IsValid(domain))
        {
            return domain;
        }

        var lower = domain.ToLowerInvariant();
        if (!lower.EnumerateRunes().All(IsPlain))
        {
            return null;
        }

        try
        {
            return Idn.GetAscii(lower);
        }
        catch (ArgumentException)
        {
            // A label that is empty, too long, or begins or ends with a hyphen.
            return null;
        }
    }

    /// <summary>A letter, mark or digit that IDNA does not replace.</summary>
    /// <remarks>
    /// This process has no Unicode tables for normalization (<c>InvariantGlobalization</c>). A character that IDNA would replace before
    /// encoding would be encoded unchanged, and the result would be another domain.
    /// </remarks>
    private static bool IsPlain(Rune rune) => rune.Value is '-' or '.'
        || Rune.GetUnicodeCategory(rune) is UnicodeCategory.LowercaseLetter or UnicodeCategory.OtherLetter or UnicodeCategory.ModifierLetter
            or UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.DecimalDigitNumber
        && !IsReplaced(rune.Value);

    // Blocks of characters that combine with others, and of variants: wide, narrow, superscript, mathematical, compatibility.
    private static bool IsReplaced(int character) => character
        is 0xAA or 0xBA or 0x17F or 0x3099 or 0x309A
        or (>= 0x02B0 and <= 0x036F)
        or (>= 0x1100 and <= 0x11FF)
        or (>= 0x2000 and <= 0x2BFF)
        or (>= 0xF900 and <= 0xFFFF)
        or (>= 0x1D400 and <= 0x1D7FF)
        or (>= 0x2F800 and <= 0x2FA1F);
}
