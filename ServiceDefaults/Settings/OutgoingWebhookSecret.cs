using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Platform.ServiceDefaults.Settings;

/// <summary>
/// The secrets that sign the platform's own webhooks, in the format of Standard Webhooks: <c>whsec_</c> and base64. Each receiver gets its
/// own key, derived from a configured secret, so that no receiver can sign for another.
/// </summary>
public static class OutgoingWebhookSecret
{
    private const string Prefix = "whsec_";
    private const int MinLength = 24;
    private const int MaxLength = 64;
    private const int DerivedLength = 32;

    // A later version of the derivation uses another label, which makes its keys independent of these.
    private const string Label = "webhook-receiver-v1:";

    /// <summary>Reads a secret in its displayed format.</summary>
    /// <returns>False for anything other than <c>whsec_</c> and the base64 of 24 to 64 bytes.</returns>
    public static bool TryRead(string? text, out byte[] secret)
    {
        secret = [];
        if (text is null || !text.StartsWith(Prefix, StringComparison.Ordinal) || !Base64.IsValid(text.AsSpan(Prefix.Length)))
        {
            return false;
        }

        secret = Convert.FromBase64String(text[Prefix.Length..]);
        return secret.Length is >= MinLength and <= MaxLength;
    }

    /// <summary>Formats a secret so that <see cref="TryRead"/> can read it.</summary>
    public static string Write(byte[] secret) => $"{Prefix}{Convert.ToBase64String(secret)}";

    /// <summary>
    /// The audience of a webhook: the normalized origin of its target, <c>scheme://host:port</c>. The port is always written. The host is
    /// in lower-case ASCII, without a trailing dot; an IPv6 address is in its shortest form, in brackets and without a zone.
    /// </summary>
    /// <param name="target">An absolute http or https address.</param>
    public static string AudienceOf(Uri target)
    {
        var host = target.HostNameType is UriHostNameType.IPv6 ? target.Host : target.IdnHost.ToLowerInvariant();
        return $"{target.Scheme}://{(host.EndsWith('.') ? host[..^1] : host)}:{target.Port}";
    }

    /// <summary>
    /// Derives the key of one receiver: HKDF-SHA256 (RFC 5869) of a configured secret, without salt, with the info
    /// <c>webhook-receiver-v1:</c> followed by the audience in ASCII, 32 bytes.
    /// </summary>
    /// <param name="secret">The configured secret.</param>
    /// <param name="audience">In the format of <see cref="AudienceOf"/>.</param>
    public static byte[] DeriveFor(string audience, byte[] secret) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, DerivedLength, salt: [], Encoding.ASCII.GetBytes(Label + audience));
}
