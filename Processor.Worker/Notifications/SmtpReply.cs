using System.Text.RegularExpressions;
using MailKit.Net.Smtp;

namespace Processor.Worker.Notifications;

/// <summary>
/// An error reply of the mail server. The refusal is permanent for this mail only when the reply permanently refuses this recipient or
/// this message. Any other reply concerns the relay, the session or the sender: it would hit every other mail too, and it passes or an
/// operator fixes it. In doubt a reply counts as temporary: pointless retries cost some 15 attempts, but parking at once would cost the
/// notifications of every owner that is due.
/// </summary>
/// <param name="Code">The reply code (RFC 5321).</param>
/// <param name="EnhancedCode">The enhanced status code (RFC 3463), such as <c>5.1.1</c>; null when the server sent none.</param>
internal sealed partial record SmtpReply(SmtpPhase Phase, int Code, string? EnhancedCode)
{
    /// <summary>True when the reply permanently refuses this recipient or this message.</summary>
    // A permanent code with a transient enhanced code, or vice versa, is not permanent.
    public bool RefusesThisMail => Code is >= 500 and < 600 && EnhancedCode?.Split('.') switch
    {
        // Without an enhanced code, or with an unspecific one, the phase and the code decide.
        null or ["5", "0", "0"] => IsOfThisMail(Phase, Code),
        ["5", var subject, var detail] => IsOfThisMail(Phase, $"{subject}.{detail}"),
        _ => false,
    };

    /// <summary>Servers accept a message with 250; RFC 5321, section 4.2.1, also allows any other 2yz.</summary>
    public bool AcceptsTheMessage => Phase is SmtpPhase.Message && Code is >= 200 and < 300;

    /// <param name="isConnected">True when connection and login had succeeded and the mail was being sent.</param>
    public static SmtpReply From(SmtpCommandException exception, bool isConnected) => new(
        exception.ErrorCode switch
        {
            _ when !isConnected => SmtpPhase.Connection,
            SmtpErrorCode.SenderNotAccepted => SmtpPhase.Sender,
            SmtpErrorCode.RecipientNotAccepted => SmtpPhase.Recipient,
            SmtpErrorCode.MessageNotAccepted => SmtpPhase.Message,
            // In other phases MailKit may throw with any code.
            _ => SmtpPhase.Data,
        },
        (int)exception.StatusCode,
        ReadEnhancedCode(exception.Message));

    /// <summary>Omits the server's text, since it repeats the address.</summary>
    public override string ToString() => $"SMTP {(EnhancedCode is null ? $"{Code}" : $"{Code} {EnhancedCode}")} at {Describe(Phase)}";

    private static bool IsOfThisMail(SmtpPhase phase, int code) => (phase, code) switch
    {
        // Each concerns the mailbox; 556 its domain (RFC 7504). Not 552: RFC 5321, section 4.5.3.1.10, uses it for "too many recipients".
        (SmtpPhase.Recipient, 550 or 551 or 553 or 556) => true,
        // The content, or its size. Not 554 ("transaction failed"): relays also use it for an unknown or suspended sender.
        (SmtpPhase.Message, 550 or 552) => true,
        _ => false,
    };

    /// <param name="detail">Subject and detail of the enhanced code, from IANA's registry (RFC 5248).</param>
    private static bool IsOfThisMail(SmtpPhase phase, string detail) => phase switch
    {
        SmtpPhase.Connection => false,
        // Servers learn the size with MAIL FROM (RFC 1870).
        SmtpPhase.Sender => detail is "3.4",
        _ => detail
            // The destination: no such mailbox or system, syntax, ambiguous, moved, null MX. Not X.1.7 and X.1.8, which concern the sender.
            // Not X.1.0 either: Postfix answers RCPT TO with it for a sender it does not know.
            is "1.1" or "1.2" or "1.3" or "1.4" or "1.6" or "1.10"
            // The mailbox: disabled, full, message too long for it, list not expanded. A server that expects a full mailbox to be emptied
            // sends 4.2.2. Not X.2.0 and X.2.252: Exchange Online uses them for the sender's mailbox.
            or "2.1" or "2.2" or "2.3" or "2.4"
            // Larger than the relay accepts. The other X.3 concern its state, X.4 the network, and X.5 the protocol with the relay.
            or "3.4"
            // A list that the sender may not post to, and a mailbox or domain with a new owner (RFC 7293). The other X.7 concern what the
            // sender may do: relaying, login, block lists, SPF, DKIM, DMARC, rates. So does X.7.1: "the sender is not authorized".
            or "7.2" or "7.17" or "7.18"
            // The content, or a non-ASCII address (X.6.7).
            || detail.StartsWith("6.", StringComparison.Ordinal),
    };

    private static string? ReadEnhancedCode(string text) => EnhancedCodes().Match(text) is { Success: true } match ? match.Groups[1].Value : null;

    private static string Describe(SmtpPhase phase) => phase switch
    {
        SmtpPhase.Connection => "the beginning of the session",
        SmtpPhase.Sender => "MAIL FROM",
        SmtpPhase.Recipient => "RCPT TO",
        SmtpPhase.Data => "DATA",
        SmtpPhase.Message => "the end of the message",
        _ => throw new ArgumentOutOfRangeException(nameof(phase), phase, null),
    };

    // At the beginning (RFC 2034), or after a number sign: qmail sends "(#5.1.1)" and IronPort "#5.1.0". Not an IP address.
    [GeneratedRegex(@"(?:^|#)([245]\.[0-9]{1,3}\.[0-9]{1,3})(?!\.?[0-9])")]
    private static partial Regex EnhancedCodes();
}

/// <summary>The phase of the session in which the server replied.</summary>
internal enum SmtpPhase
{
    /// <summary>Greeting, EHLO, STARTTLS and AUTH.</summary>
    Connection,

    /// <summary>MAIL FROM.</summary>
    Sender,

    /// <summary>RCPT TO.</summary>
    Recipient,

    /// <summary>The command DATA, before the message.</summary>
    Data,

    /// <summary>The end of the message.</summary>
    Message,
}
