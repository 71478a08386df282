using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Platform.Simulator.Api;

/// <summary>Issues the credentials in download addresses and verifies them. The credential contains its expiry, so nothing is stored.</summary>
internal sealed class DownloadLinks
{
    private const int SignatureLength = 32;

    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);
    private readonly ConcurrentDictionary<string, DateTimeOffset> _issued = new();

    /// <summary>A new credential for the downloads of a job, or the previous one while it is valid and is to be repeated.</summary>
    public (DateTimeOffset ExpiresAt, string Token) Issue(string jobId, DateTimeOffset now, ApiSwitches switches)
    {
        var expiresAt = _issued.AddOrUpdate(
            jobId,
            _ => now + switches.DownloadLifetime,
            (_, previous) => switches.SameUrlUntilExpiry && previous > now ? previous : now + switches.DownloadLifetime);
        return (expiresAt, Sign(jobId, expiresAt.ToUnixTimeMilliseconds()));
    }

    public bool IsValid(string jobId, string token, DateTimeOffset now) =>
        token.Split('.') is [var expiry, _]
        && long.TryParse(expiry, NumberStyles.None, CultureInfo.InvariantCulture, out var expiresAt)
        && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(token), Encoding.UTF8.GetBytes(Sign(jobId, expiresAt)))
        && now.ToUnixTimeMilliseconds() < expiresAt;

    private string Sign(string jobId, long expiresAt)
    {
        var mac = HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes($"{jobId}.{expiresAt}"));
        return $"{expiresAt}.{Convert.ToHexStringLower(mac)[..SignatureLength]}";
    }
}
