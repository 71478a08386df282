using System.ComponentModel.DataAnnotations;
using Platform.ServiceDefaults.Settings;
using Processor.Worker.Owners;

namespace Processor.Worker.Notifications;

/// <summary>The mail server. Section <c>Email</c>. Without a <see cref="Host"/>, no mail is sent.</summary>
internal sealed class EmailOptions : IValidatableObject
{
    public const string Section = "Email";

    /// <summary>Host name or address of the mail server. Default: none, and no mail is sent.</summary>
    public string Host { get; set; } = "";

    /// <summary>Port of the mail server. 1 to 65535; default 587, the submission port.</summary>
    [Range(1, 65_535)]
    public int Port { get; set; } = 587;

    /// <summary>How the connection is secured. Default: <see cref="EmailSecurity.StartTls"/>.</summary>
    [EnumDataType(typeof(EmailSecurity))]
    public EmailSecurity Security { get; set; } = EmailSecurity.StartTls;

    /// <summary>User name for the login; surrounding white space is trimmed. Default: none, and no login.</summary>
    public string User { get; set => field = SecretText.Trim(value); } = "";

    /// <summary>Password for the login; requires <see cref="User"/>. Trailing line breaks are trimmed.</summary>
    public string Password { get; set => field = SecretText.TrimLineEnds(value); } = "";

    /// <summary>
    /// Sender of every mail, with or without a display name: <c>Studio &lt;studio@example.com&gt;</c>. Required with <see cref="Host"/>.
    /// An international domain may be in either form; non-ASCII characters before the @ need a server that offers SMTPUTF8.
    /// </summary>
    public string From { get; set; } = "";

    /// <summary>
    /// Hosts that links in a mail may lead to, in addition to the sender's (<c>magichour.ai</c>), such as the host of an archive. Each
    /// includes its subdomains; links use https. Downloads on other hosts are counted but not shown. Default: none.
    /// </summary>
    public string[] LinkHosts { get; set; } = [];

    public bool IsConfigured => !string.IsNullOrWhiteSpace(Host);

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        for (var i = 0; i < LinkHosts.Length; i++)
        {
            if (Uri.CheckHostName(LinkHosts[i]) is not UriHostNameType.Dns)
            {
                yield return new ValidationResult($"'{LinkHosts[i]}' is not the name of a host, such as files.example.com.", [$"{nameof(LinkHosts)}__{i}"]);
            }
        }

        if (!IsConfigured)
        {
            yield break;
        }

        if (EmailAddress.Read(From) is null)
        {
            yield return new ValidationResult(
                "must be an address such as Studio <studio@example.com>, its domain in ASCII (xn--…) where that is not understood.", [nameof(From)]);
        }

        foreach (var (name, secret) in new[] { (nameof(User), User), (nameof(Password), Password) })
        {
            if (secret.Length > 0 && SecretText.FindError(secret) is { } error)
            {
                yield return new ValidationResult(error, [name]);
            }
        }

        if ((User.Length == 0) != (Password.Length == 0))
        {
            yield return new ValidationResult("goes together with Email__User: both or none.", [nameof(Password)]);
        }

        if (Security is EmailSecurity.None && Password.Length > 0)
        {
            yield return new ValidationResult("must not be None where there is a password: it would be sent in the clear.", [nameof(Security)]);
        }
    }
}

/// <summary>How the connection to the mail server is secured. Opportunistic TLS is not offered: an attacker could prevent it.</summary>
internal enum EmailSecurity
{
    /// <summary>Starts in plain text and must upgrade to TLS before anything else is sent.</summary>
    StartTls,

    /// <summary>TLS from the first byte, usually on port 465.</summary>
    Tls,

    /// <summary>Plain text: only for a server on the same machine, or in tests.</summary>
    None,
}
