using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Ingress.Api.Webhooks;

/// <summary>
/// Counts the requests of each peer that carried no valid signature. The count never decides whether a request is verified: anyone can make
/// the sender itself call this URL with a signature of another secret, so wrong signatures arrive from the same addresses as right ones.
/// </summary>
internal sealed class PeerFailures(TimeProvider time)
{
    /// <summary>Maximum number of peers counted separately; about 2 MB. Further ones share one count.</summary>
    public const int MaxPeers = 16 * 1024;

    private const int Limit = 100;

    // No peer has this key: a mapped IPv4 address is unmapped, and an IPv6 address ends in zeros.
    private static readonly IPAddress Others = IPAddress.Parse("::ffff:0:0");

    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly Dictionary<IPAddress, int> _counts = [];
    private long _windowStart = time.GetTimestamp();

    /// <summary>Number of keys in the table, including the shared one.</summary>
    public int Peers
    {
        get
        {
            lock (_lock)
            {
                return _counts.Count;
            }
        }
    }

    /// <summary>Counts a failure of this peer.</summary>
    /// <returns>True when the peer is over the limit in this window of 10 seconds.</returns>
    public bool Count(IPAddress peer)
    {
        var network = Network(peer);
        lock (_lock)
        {
            if (time.GetElapsedTime(_windowStart) >= Window)
            {
                _counts.Clear();
                _windowStart = time.GetTimestamp();
            }

            var key = _counts.Count < MaxPeers || _counts.ContainsKey(network) ? network : Others;
            return ++CollectionsMarshal.GetValueRefOrAddDefault(_counts, key, out _) > Limit;
        }
    }

    private static IPAddress Network(IPAddress peer)
    {
        if (peer.IsIPv4MappedToIPv6)
        {
            return peer.MapToIPv4();
        }

        if (peer.AddressFamily is not AddressFamily.InterNetworkV6)
        {
            return peer;
        }

        // The holder of one IPv6 address controls its whole /64.
        var bytes = peer.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return new IPAddress(bytes);
    }
}
