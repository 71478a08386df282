using System.Text;
using MimeKit;
using Platform.Contracts;

namespace Processor.Worker.Owners;

/// <summary>The validation rules for registrations by message and by API.</summary>
internal static class RegistrationRules
{
    // No event could name such a job, so its owner would never be notified.
    private const int MaxIdLength = WebhookContent.MaxIdLength;
    private const int MaxEmailLength = 254;
    private const int MaxUrlLength = 2048;
    private const string NoBidi = "must not have control characters of bidirectional text: they let it show as another address.";
    private const string WriteInAscii = "write it in ASCII, such as xn--bcher-kva.example.";

    /// <summary>The errors, by the JSON name of the property. They never repeat a value, since values are personal data.</summary>
    public static Dictionary<string, string[]> FindErrors(RegisterJob registration)
    {
        var errors = new Dictionary<string, string[]>();
        Require(
            IsId(registration.JobId) && !registration.JobId.Contains(JsonText.Replacement, StringComparison.Ordinal), "jobId",
            $"must have 1 to {MaxIdLength} characters, none of them a control character or U+FFFD.");
        Require(registration.Resource is "video" or "image" or "audio", "resource", "must be video, image or audio.");
        Require(IsId(registration.UserId), "userId", $"must have 1 to {MaxIdLength} characters, none of them a control character.");
        Reject(registration.Email is null ? null : FindEmailError(registration.Email), "email");
        Reject(registration.WebhookUrl is null ? null : FindUrlError(registration.WebhookUrl), "webhookUrl");
        // The default value of an unset field: it would lose against every other registration, and be stored as minus infinity.
        Require(registration.RegisteredAt.Year >= 2000, "registeredAt", "must be the time of the registration.");
        return errors;

        void Require(bool isMet, string property, string rule) => Reject(isMet ? null : rule, property);

        void Reject(string? rule, string property)
        {
            if (rule is not null)
            {
                errors[property] = [rule];
            }
        }
    }

    // Rejects control characters: PostgreSQL cannot store NUL, and a line break could inject a header.
    private static bool IsId(string? text) => text is { Length: >= 1 and <= MaxIdLength } && !text.Any(char.IsControl);

    /// <summary>The error in an e-mail address; null when it is valid.</summary>
    public static string? FindEmailError(string text)
    {
        if (text.Any(Bidi.IsControl))
        {
            return NoBidi;
        }

        if (!IsOneAddress(text))
        {
            return $"must be one address of at most {MaxEmailLength} characters.";
        }

        return EmailAddress.Read(text) switch
        {
            null => $"has a domain that is not understood; {WriteInAscii}",
            var address when Encoding.UTF8.GetByteCount(address.GetAddress(idnEncode: true)) > MaxEmailLength =>
                $"must have at most {MaxEmailLength} bytes, with its domain in ASCII.",
            var address when !address.HasPublicDomain() =>
                "must have an internet domain after the @: not localhost, a name without a dot, or an IP address.",
            var address when !address.HasPossibleLocalPart() => "has a character before the @ that is not allowed.",
            _ => null,
        };
    }

    private static bool IsOneAddress(string text) =>
        text.Length is > 0 and <= MaxEmailLength
        && !text.Any(character => char.IsControl(character) || char.IsWhiteSpace(character))
        && MailboxAddress.TryParse(text, out var mailbox)
        // Only the bare address, without a display name and with a domain. MimeKit decodes an ASCII domain, so both forms are compared.
        && (mailbox.Address == text || mailbox.GetAddress(idnEncode: true) == text)
        && text.Contains('@', StringComparison.Ordinal);

    /// <summary>The error in a webhook's URL; null when it is valid.</summary>
    public static string? FindUrlError(string text)
    {
        if (text.Any(Bidi.IsControl))
        {
            return NoBidi;
        }

        if (text.Length > MaxUrlLength || text.Any(char.IsControl) || !Uri.TryCreate(text, UriKind.Absolute, out var url)
            || url is not { Scheme: "http" or "https", UserInfo: "", Host.Length: > 0 })
        {
            return $"must be an absolute http or https address of at most {MaxUrlLength} characters, without user and password.";
        }

        return DomainName.ToAscii(url.Host) is null ? $"has a host that is not understood; {WriteInAscii}" : null;
    }
}
