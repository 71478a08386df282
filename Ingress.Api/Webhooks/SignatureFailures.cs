using System.Net;
using System.Net.Sockets;
using System.Threading.RateLimiting;

namespace Ingress.Api.Webhooks;

/// <summary>
/// Counts failed signatures by peer. A peer with too many of them is turned away before its body is read; one that signs well is
/// never slowed down.
/// </summary>
internal sealed class SignatureFailures : IDisposable
{
    private static readonly FixedWindowRateLimiterOptions Limit = new() { PermitLimit = 100, Window = TimeSpan.FromSeconds(10) };

    private readonly PartitionedRateLimiter<IPAddress> _limiter = PartitionedRateLimiter.Create<IPAddress, IPAddress>(
        peer => RateLimitPartition.GetFixedWindowLimiter(Network(peer), _ => Limit));

    /// <summary>The peer has failed too often just now.</summary>
    public bool IsBlocked(IPAddress peer)
    {
        // Asking for nothing takes nothing, and is refused when nothing is left.
        using var lease = _limiter.AttemptAcquire(peer, permitCount: 0);
        return !lease.IsAcquired;
    }

    public void Count(IPAddress peer) => _limiter.AttemptAcquire(peer).Dispose();

    public void Dispose() => _limiter.Dispose();

    // Whoever has one IPv6 address has all of its /64.
    private static IPAddress Network(IPAddress peer)
    {
        if (peer.AddressFamily is not AddressFamily.InterNetworkV6 || peer.IsIPv4MappedToIPv6)
        {
            return peer;
        }

        var bytes = peer.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return new IPAddress(bytes);
    }
}
