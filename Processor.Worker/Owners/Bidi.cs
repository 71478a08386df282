namespace Processor.Worker.Owners;

/// <summary>Unicode's bidirectional control characters: they are invisible and can disguise text as other text.</summary>
internal static class Bidi
{
    /// <summary>True for a character with the property <c>Bidi_Control</c>.</summary>
    public static bool IsControl(char character) =>
        character is '\u061C' or '\u200E' or '\u200F' or (>= '\u202A' and <= '\u202E') or (>= '\u2066' and <= '\u2069');
}
