using MimeKit;
using Platform.Contracts;

namespace Processor.Worker.Registration;

/// <summary>What a registration must be like, whichever way it comes in.</summary>
internal static class RegistrationRules
{
    // An owner of a job that no event can name would never be told.
    private const int MaxIdLength = WebhookContent.MaxIdLength;
    private const int MaxEmailLength = 254;
    private const int MaxUrlLength = 2048;

    /// <summary>What is wrong, by the name of the property in JSON. Never repeats a value: they are other people's.</summary>
    public static Dictionary<string, string[]> FindErrors(RegisterJob registration)
    {
        var errors = new Dictionary<string, string[]>();
        Require(IsId(registration.JobId), "jobId", $"must have 1 to {MaxIdLength} characters, none of them a control character.");
        Require(registration.Resource is "video" or "image" or "audio", "resource", "must be video, image or audio.");
        Require(IsId(registration.UserId), "userId", $"must have 1 to {MaxIdLength} characters, none of them a control character.");
        Require(registration.Email is null || IsEmail(registration.Email), "email", $"must be one address of at most {MaxEmailLength} characters.");
        Require(
            registration.WebhookUrl is null || IsUrl(registration.WebhookUrl), "webhookUrl",
            $"must be an absolute http or https address of at most {MaxUrlLength} characters, without user and password.");
        return errors;

        void Require(bool isMet, string property, string rule)
        {
            if (!isMet)
            {
                errors[property] = [rule];
            }
        }
    }

    // Control characters: PostgreSQL cannot hold NUL, and a line break has no place in a header.
    private static bool IsId(string? text) => text is { Length: >= 1 and <= MaxIdLength } && !text.Any(char.IsControl);

    private static bool IsEmail(string text) =>
        text.Length is > 0 and <= MaxEmailLength
        && !text.Any(character => char.IsControl(character) || char.IsWhiteSpace(character))
        && MailboxAddress.TryParse(text, out var mailbox)
        // The address itself, neither with a name nor without a domain.
        && mailbox.Address == text
        && text.Contains('@', StringComparison.Ordinal);

    private static bool IsUrl(string text) =>
        text.Length <= MaxUrlLength
        && !text.Any(char.IsControl)
        && Uri.TryCreate(text, UriKind.Absolute, out var url)
        && url is { Scheme: "http" or "https", UserInfo: "", Host.Length: > 0 };
}
