using System.ComponentModel.DataAnnotations;
using System.Net;

namespace Processor.Worker.Notifications;

/// <summary>Webhooks that we send. Section <c>OutgoingWebhooks</c>. Without a secret none is sent.</summary>
internal sealed class OutgoingWebhookOptions : IValidatableObject
{
    public const string Section = "OutgoingWebhooks";

    /// <summary>
    /// Each signs every webhook, so that a receiver may change from one to the next in its own time. As Standard Webhooks writes them:
    /// <c>whsec_</c> and the base64 of 24 to 64 random bytes. Default: none, and no webhooks.
    /// </summary>
    public string[] Secrets { get; set; } = [];

    /// <summary>
    /// Targets within our own network, which are refused otherwise: a host as the URL has it, with its port (<c>hooks.internal:8443</c>), or
    /// a network (<c>10.1.0.0/16</c>). Default: none.
    /// </summary>
    public string[] AllowedTargets { get; set; } = [];

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        for (var i = 0; i < Secrets.Length; i++)
        {
            if (!WebhookSignature.TryReadSecret(Secrets[i], out _))
            {
                yield return new ValidationResult("is not whsec_ and the base64 of 24 to 64 bytes.", [$"{nameof(Secrets)}__{i}"]);
            }
        }

        for (var i = 0; i < AllowedTargets.Length; i++)
        {
            if (!IPNetwork.TryParse(AllowedTargets[i], out _) && !TryReadTarget(AllowedTargets[i], out _))
            {
                yield return new ValidationResult(
                    $"'{AllowedTargets[i]}' is neither host:port nor a network such as 10.1.0.0/16.", [$"{nameof(AllowedTargets)}__{i}"]);
            }
        }
    }

    /// <summary>A host with its port, written as <see cref="Uri"/> does.</summary>
    public static bool TryReadTarget(string text, out DnsEndPoint target)
    {
        target = new DnsEndPoint("none", 0);
        if (!Uri.TryCreate($"tcp://{text}", UriKind.Absolute, out var url) || url is not { Port: > 0, PathAndQuery: "" or "/", UserInfo: "" })
        {
            return false;
        }

        target = new DnsEndPoint(url.IdnHost, url.Port);
        return true;
    }
}
