using System.Globalization;
using System.Text;
using MimeKit;

namespace Processor.Worker.Owners;

/// <summary>Parses e-mail addresses, with international domains in both forms.</summary>
internal static class EmailAddress
{
    /// <param name="text">An address, with or without a display name.</param>
    /// <returns>Null when the text is not an address, or its domain has no ASCII form (<see cref="DomainName"/>).</returns>
    public static MailboxAddress? Read(string text)
    {
        if (!MailboxAddress.TryParse(text, out var mailbox) || mailbox.Domain.Length == 0)
        {
            return null;
        }

        // MimeKit keeps both forms of a domain written in ASCII, and they denote the same domain.
        if (Ascii.IsValid(text.AsSpan(text.LastIndexOf('@') + 1)))
        {
            return mailbox;
        }

        return DomainName.ToAscii(mailbox.Domain) is { } domain ? new MailboxAddress(mailbox.Name, $"{mailbox.LocalPart}@{domain}") : null;
    }

    /// <summary>The domain in ASCII.</summary>
    public static string AsciiDomain(this MailboxAddress mailbox)
    {
        var address = mailbox.GetAddress(idnEncode: true);
        return address[(address.LastIndexOf('@') + 1)..];
    }

    /// <summary>The local part is not ASCII: only servers with SMTPUTF8 (RFC 6531) accept it.</summary>
    public static bool NeedsSmtpUtf8(this MailboxAddress mailbox) => !Ascii.IsValid(mailbox.LocalPart);

    /// <summary>True for an internet domain name; false for <c>localhost</c>, a name without a dot, or an IP address.</summary>
    public static bool HasPublicDomain(this MailboxAddress mailbox)
    {
        var labels = mailbox.AsciiDomain().Split('.');
        return labels.Length > 1
            && labels.All(label => label.Length > 0 && label.All(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_'))
            && !labels[^1].All(char.IsAsciiDigit)
            && !labels[^1].Equals("localhost", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>False when the local part cannot exist: it has characters damaged in transit, or invisible ones.</summary>
    public static bool HasPossibleLocalPart(this MailboxAddress mailbox) => mailbox.LocalPart.EnumerateRunes().All(rune =>
        rune != Rune.ReplacementChar
        && (Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse)
            // Some scripts use joiners within words.
            || rune.Value is 0x200C or 0x200D));
}
