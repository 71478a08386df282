using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Net;
using Platform.ServiceDefaults.Settings;

namespace Processor.Worker.Notifications;

/// <summary>Outgoing webhooks. Section <c>OutgoingWebhooks</c>. Without a secret, none is sent.</summary>
internal sealed class OutgoingWebhookOptions : IValidatableObject, ISecretOptions
{
    public const string Section = "OutgoingWebhooks";

    private static readonly string[] TimeFormats = ["yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd'T'HH:mmK"];

    /// <summary>
    /// The platform's secrets for signing. Each receiver gets one key derived from each secret
    /// (<see cref="OutgoingWebhookSecret.DeriveFor"/>), and all of its keys sign every webhook to it, so that it can change keys in its own
    /// time. Receivers never get a secret itself: with it they could sign for all others. In the format of Standard Webhooks: <c>whsec_</c>
    /// and the base64 of 24 to 64 random bytes; surrounding white space is trimmed. Default: none, and no webhooks.
    /// </summary>
    public string[] Secrets { get; set => field = SecretText.Trim(value); } = [];

    /// <summary>
    /// Until this time the secrets themselves sign too, as they did before receivers had their own keys. Meant for receivers that still
    /// verify with a secret. Such a receiver cannot distinguish the platform from any other receiver that knows the secret. A date with its
    /// time and zone, such as <c>2027-03-31T00:00:00Z</c>. Default: none, and only the receivers' keys sign; the log says so at start-up.
    /// </summary>
    public string SignWithSharedSecretsUntil { get; set; } = "";

    /// <summary>
    /// Targets inside the platform's own network, which are refused by default: a host as in the URL, with its port
    /// (<c>hooks.internal:8443</c>), or a network (<c>10.1.0.0/16</c>). Default: none.
    /// </summary>
    public string[] AllowedTargets { get; set; } = [];

    /// <summary>
    /// Public addresses (<c>198.51.100.7</c>) and networks (<c>2001:db8::/48</c>) to refuse, such as the platform's own. They override
    /// <see cref="AllowedTargets"/>. The metadata services of cloud providers are always refused. Default: none.
    /// </summary>
    public string[] DeniedTargets { get; set; } = [];

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        for (var i = 0; i < Secrets.Length; i++)
        {
            var error = SecretText.FindError(Secrets[i])
                ?? (OutgoingWebhookSecret.TryRead(Secrets[i], out _) ? null : "is not whsec_ and the base64 of 24 to 64 bytes.");
            if (error is not null)
            {
                yield return new ValidationResult(error, [$"{nameof(Secrets)}__{i}"]);
            }
        }

        if (SignWithSharedSecretsUntil != "" && ReadTransitionEnd() is null)
        {
            yield return new ValidationResult(
                $"'{SignWithSharedSecretsUntil}' is not a date with its time and zone, such as 2027-03-31T00:00:00Z.",
                [nameof(SignWithSharedSecretsUntil)]);
        }

        for (var i = 0; i < AllowedTargets.Length; i++)
        {
            if (!AddressText.TryReadNetwork(AllowedTargets[i], out _) && !TryReadTarget(AllowedTargets[i], out _))
            {
                yield return new ValidationResult(
                    $"'{AllowedTargets[i]}' is neither host:port nor a network such as 10.1.0.0/16.", [$"{nameof(AllowedTargets)}__{i}"]);
            }
        }

        for (var i = 0; i < DeniedTargets.Length; i++)
        {
            if (!AddressText.TryReadRange(DeniedTargets[i], out _))
            {
                yield return new ValidationResult(
                    $"'{DeniedTargets[i]}' is neither an address nor a network such as 198.51.100.0/24.", [$"{nameof(DeniedTargets)}__{i}"]);
            }
        }
    }

    public IEnumerable<ValidationResult> FindDefaultSecrets() =>
        from one in Secrets.Select((secret, index) => (Error: DefaultSecrets.FindError(secret), Index: index))
        where one.Error is not null
        select new ValidationResult(one.Error, [$"{nameof(Secrets)}__{one.Index}"]);

    /// <summary><see cref="SignWithSharedSecretsUntil"/>, or null. Requires a zone: otherwise it would depend on the machine.</summary>
    public DateTimeOffset? ReadTransitionEnd() =>
        DateTime.TryParseExact(SignWithSharedSecretsUntil, TimeFormats, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out var time)
        && time.Kind is not DateTimeKind.Unspecified
            ? new DateTimeOffset(time).ToUniversalTime()
            : null;

    /// <summary>The keys of one receiver, in the order of <see cref="Secrets"/>.</summary>
    /// <param name="audience">As returned by <see cref="OutgoingWebhookSecret.AudienceOf"/>.</param>
    public IEnumerable<byte[]> DeriveKeys(string audience) => ReadSecrets().Select(secret => OutgoingWebhookSecret.DeriveFor(audience, secret));

    public IEnumerable<byte[]> ReadSecrets() => Secrets.Select(text =>
        OutgoingWebhookSecret.TryRead(text, out var secret) ? secret : throw new FormatException("A secret was not validated."));

    /// <summary>A host with its port, in the form that <see cref="Uri"/> writes.</summary>
    public static bool TryReadTarget(string text, out DnsEndPoint target)
    {
        target = new DnsEndPoint("none", 0);
        if (!Uri.TryCreate($"tcp://{text}", UriKind.Absolute, out var url) || url is not { Port: > 0, PathAndQuery: "" or "/", UserInfo: "" }
            // Rejects 10 and 010.0.0.1: a webhook's URL would read them as 0.0.0.10 and 8.0.0.1, which is hardly intended.
            || !Uri.TryCreate($"http://{text}", UriKind.Absolute, out var webhook)
            || (webhook.HostNameType is UriHostNameType.IPv4 && !text.StartsWith($"{webhook.Host}:", StringComparison.Ordinal)))
        {
            return false;
        }

        target = new DnsEndPoint(url.IdnHost, url.Port);
        return true;
    }
}
