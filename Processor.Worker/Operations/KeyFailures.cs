using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Processor.Worker.Operations;

/// <summary>
/// Counts wrong keys by peer in a table of fixed size. Peers with the same slot share a count, which does no harm, because a valid key
/// is always accepted.
/// </summary>
internal sealed class KeyFailures(TimeProvider time)
{
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    private const int Limit = 10;
    private const int Places = 4096;

    private readonly (long Window, int Failures)[] _places = new (long, int)[Places];
    private readonly Lock _lock = new();

    /// <summary>Counts a failure. True when the peer exceeds the limit in this window.</summary>
    public bool IsOverLimit(IPAddress peer)
    {
        var window = time.GetUtcNow().Ticks / Window.Ticks;
        // HashCode is seeded per process, so that no one can choose an address with another peer's slot.
        var place = (uint)HashCode.Combine(Network(peer)) % Places;
        lock (_lock)
        {
            var failures = _places[place].Window == window ? _places[place].Failures + 1 : 1;
            _places[place] = (window, failures);
            return failures > Limit;
        }
    }

    // An IPv6 client typically controls a whole /64.
    private static UInt128 Network(IPAddress peer)
    {
        var bytes = peer.MapToIPv6().GetAddressBytes();
        if (peer.AddressFamily is AddressFamily.InterNetworkV6 && !peer.IsIPv4MappedToIPv6)
        {
            bytes.AsSpan(8).Clear();
        }

        return BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }
}
