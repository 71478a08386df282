using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Processor.Worker.Notifications;

/// <summary>Signs as Standard Webhooks has it (standardwebhooks.com): version 1, HMAC-SHA256 over id, time and body.</summary>
internal static class WebhookSignature
{
    private const string SecretPrefix = "whsec_";
    private const int MinSecretLength = 24;
    private const int MaxSecretLength = 64;

    /// <summary>The header <c>webhook-signature</c>: a signature for each secret, any of which is enough for a receiver.</summary>
    /// <param name="id">Holds no dot: it would let one part pass for another.</param>
    /// <param name="timestamp">Of this attempt, in seconds since 1970.</param>
    public static string Sign(IEnumerable<byte[]> secrets, string id, long timestamp, ReadOnlySpan<byte> body)
    {
        byte[] signed = [.. Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{id}.{timestamp}.")), .. body];
        return string.Join(' ', secrets.Select(secret => $"v1,{Convert.ToBase64String(HMACSHA256.HashData(secret, signed))}"));
    }

    /// <summary>Reads a secret as it is shown.</summary>
    public static bool TryReadSecret(string? text, out byte[] secret)
    {
        secret = [];
        if (text is null || !text.StartsWith(SecretPrefix, StringComparison.Ordinal) || !Base64.IsValid(text.AsSpan(SecretPrefix.Length)))
        {
            return false;
        }

        secret = Convert.FromBase64String(text[SecretPrefix.Length..]);
        return secret.Length is >= MinSecretLength and <= MaxSecretLength;
    }
}
