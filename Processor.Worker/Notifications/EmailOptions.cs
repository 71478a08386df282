using System.ComponentModel.DataAnnotations;
using MimeKit;

namespace Processor.Worker.Notifications;

/// <summary>The mail server. Section <c>Email</c>. Without a <see cref="Host"/> no mail is sent.</summary>
internal sealed class EmailOptions : IValidatableObject
{
    public const string Section = "Email";

    /// <summary>Name or address of the server. Default: none, and no mail.</summary>
    public string Host { get; set; } = "";

    /// <summary>1 to 65535; default 587, the port for submission.</summary>
    [Range(1, 65_535)]
    public int Port { get; set; } = 587;

    /// <summary>How the connection is protected. Default: <see cref="EmailSecurity.StartTls"/>.</summary>
    [EnumDataType(typeof(EmailSecurity))]
    public EmailSecurity Security { get; set; } = EmailSecurity.StartTls;

    /// <summary>Who logs in. Default: none, and no login.</summary>
    public string User { get; set; } = "";

    /// <summary>Their password; not without <see cref="User"/>.</summary>
    public string Password { get; set; } = "";

    /// <summary>The sender of every mail, with or without a name: <c>Studio &lt;studio@example.com&gt;</c>. Required with <see cref="Host"/>.</summary>
    public string From { get; set; } = "";

    public bool IsConfigured => !string.IsNullOrWhiteSpace(Host);

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!IsConfigured)
        {
            yield break;
        }

        if (!MailboxAddress.TryParse(From, out var sender) || !sender.Address.Contains('@', StringComparison.Ordinal))
        {
            yield return new ValidationResult("must be an address such as Studio <studio@example.com>.", [nameof(From)]);
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

/// <summary>How the connection to the mail server is protected. There is no "if possible": a stranger could make it impossible.</summary>
internal enum EmailSecurity
{
    /// <summary>It begins in the clear and must become TLS before anything is said.</summary>
    StartTls,

    /// <summary>TLS from the first byte, usually on port 465.</summary>
    Tls,

    /// <summary>In the clear: for a server on the same machine, or in tests.</summary>
    None,
}
