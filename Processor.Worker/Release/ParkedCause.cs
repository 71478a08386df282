using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace Processor.Worker.Release;

/// <summary>Why messages are parked: the exception's type and message, without ids and numbers, which differ from message to message.</summary>
/// <param name="Group">A short hash of the text, by which a group is released or discarded.</param>
internal sealed partial record ParkedCause(string Text, string Group)
{
    private const int MaxLength = 300;
    private const int GroupBytes = 8;

    public static ParkedCause From(string reason)
    {
        var text = WithDigit().Replace(Identifier().Replace(reason.Length > MaxLength * 4 ? reason[..(MaxLength * 4)] : reason, "#"), "#");
        text = text.Length > MaxLength ? text[..MaxLength] : text;
        return new ParkedCause(text, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, GroupBytes)));
    }

    [GeneratedRegex("[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")]
    private static partial Regex Identifier();

    // The code of a database error, five characters and a colon, is part of the cause.
    [GeneratedRegex(@"\b(?![0-9A-Z]{5}:)\w*[0-9]\w*")]
    private static partial Regex WithDigit();
}
