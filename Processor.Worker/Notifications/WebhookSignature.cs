using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Processor.Worker.Notifications;

/// <summary>Signs according to Standard Webhooks (standardwebhooks.com), version 1: HMAC-SHA256 over id, time and body.</summary>
internal static class WebhookSignature
{
    /// <summary>The header <c>webhook-signature</c>: one signature per secret, and a receiver accepts any of them.</summary>
    /// <param name="id">Must not contain a dot, the separator of the signed parts.</param>
    /// <param name="timestamp">Time of this attempt, in seconds since 1970.</param>
    public static string Sign(IEnumerable<byte[]> secrets, string id, long timestamp, ReadOnlySpan<byte> body)
    {
        byte[] signed = [.. Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{id}.{timestamp}.")), .. body];
        return string.Join(' ', secrets.Select(secret => $"v1,{Convert.ToBase64String(HMACSHA256.HashData(secret, signed))}"));
    }
}
