using System.Globalization;
using System.Security.Cryptography;
using Microsoft.Extensions.Primitives;

namespace Ingress.Api.Webhooks;

/// <summary>
/// The sender's two headers: the time of signing, in seconds since 1970, and HMAC-SHA256 over <c>timestamp.body</c> in lower-case hex.
/// </summary>
/// <param name="TimestampText">Exactly as sent, because the signature covers this text.</param>
/// <param name="Mac">32 bytes.</param>
internal sealed record SignatureHeaders(string TimestampText, DateTimeOffset SentAt, byte[] Mac)
{
    public const string SignatureHeader = "magic-hour-event-signature";
    public const string TimestampHeader = "magic-hour-event-timestamp";

    /// <summary>Room for the longest timestamp and the dot.</summary>
    public const int MaxPrefixLength = MaxTimestampDigits + 1;

    // Lasts until the year 5138.
    private const int MaxTimestampDigits = 11;

    /// <summary>Reads the two headers; null when either is missing, repeated or malformed.</summary>
    public static SignatureHeaders? Read(IHeaderDictionary headers) =>
        ReadTimestamp(headers[TimestampHeader]) is { } timestamp && ReadMac(headers[SignatureHeader]) is { } mac
            ? new SignatureHeaders(timestamp.Text, timestamp.Time, mac)
            : null;

    private static (string Text, DateTimeOffset Time)? ReadTimestamp(StringValues values) =>
        values is [{ Length: > 0 and <= MaxTimestampDigits } text]
        && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            ? (text, DateTimeOffset.FromUnixTimeSeconds(seconds))
            : null;

    private static byte[]? ReadMac(StringValues values)
    {
        var mac = new byte[HMACSHA256.HashSizeInBytes];
        return values is [{ Length: HMACSHA256.HashSizeInBytes * 2 } text]
            && !text.AsSpan().ContainsAnyInRange('A', 'F')
            && Convert.FromHexString(text, mac, out _, out _) is System.Buffers.OperationStatus.Done
                ? mac
                : null;
    }
}

/// <summary>The result of checking a signature.</summary>
internal enum Verification
{
    /// <summary>The request was refused before the check.</summary>
    NotChecked,

    /// <summary>Signed with an active secret, within <see cref="MagicHourOptions.FreshFor"/>.</summary>
    Valid,

    /// <summary>Signed with an active secret, but late; accepted.</summary>
    Late,

    /// <summary>A header is missing, repeated or malformed.</summary>
    Malformed,

    /// <summary>No active secret produces this signature.</summary>
    WrongSignature,

    /// <summary>Signed with an active secret, but too long ago.</summary>
    Stale,

    /// <summary>Signed with an active secret, but late, and <see cref="LatePolicy.Reject"/> is set.</summary>
    RefusedAsLate,

    /// <summary>Signed with an active secret, but with a time in the future.</summary>
    Early,
}

/// <summary>Checks the signature, then its age.</summary>
internal static class Signature
{
    /// <summary>Finds the secret that produces this signature, or null. Each secret costs one HMAC, whether one matches or not.</summary>
    public static WebhookSecret? FindSecret(ReadOnlySpan<byte> signed, ReadOnlySpan<byte> mac, IReadOnlyList<WebhookSecret> secrets)
    {
        WebhookSecret? match = null;
        Span<byte> computed = stackalloc byte[HMACSHA256.HashSizeInBytes];
        foreach (var secret in secrets)
        {
            HMACSHA256.HashData(secret.Key, signed, computed);
            // Fixed time: an early exit would tell an attacker how many leading bytes are right.
            match = CryptographicOperations.FixedTimeEquals(computed, mac) ? secret : match;
        }

        return match;
    }

    /// <summary>Classifies an authentic signature by its age.</summary>
    public static Verification CheckAge(DateTimeOffset sentAt, DateTimeOffset now, MagicHourOptions options)
    {
        var age = now - sentAt;
        return age switch
        {
            _ when age < -options.FreshFor => Verification.Early,
            _ when age > options.MaxAge => Verification.Stale,
            _ when age <= options.FreshFor => Verification.Valid,
            _ => options.LatePolicy is LatePolicy.Accept ? Verification.Late : Verification.RefusedAsLate,
        };
    }
}
