using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Platform.Simulator.MagicHour;

/// <summary>Signs like Magic Hour: HMAC-SHA256 over timestamp, dot and body, in lower-case hex.</summary>
public static class Signing
{
    public const string SignatureHeader = "magic-hour-event-signature";
    public const string TimestampHeader = "magic-hour-event-timestamp";

    public static string Sign(string secret, string timestamp, ReadOnlySpan<byte> body)
    {
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(secret));
        hmac.AppendData(Encoding.UTF8.GetBytes($"{timestamp}."));
        hmac.AppendData(body);
        return Convert.ToHexStringLower(hmac.GetHashAndReset());
    }

    /// <summary>The header value: seconds since 1970.</summary>
    public static string Timestamp(DateTimeOffset time) => time.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
}
