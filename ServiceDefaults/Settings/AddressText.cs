using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;

namespace Platform.ServiceDefaults.Settings;

/// <summary>
/// Reads addresses and networks as people write them in settings, and rejects lookalikes: <see cref="IPAddress"/> also reads "10" as
/// 0.0.0.10 and "010.0.0.1" as 8.0.0.1, so a list would silently apply to other addresses.
/// </summary>
public static class AddressText
{
    // ::ffff:0:0/96 holds the IPv4 address in its last 32 bits.
    private const int MappedBits = 96;

    /// <summary>Reads an address: IPv4 as four decimal numbers, IPv6 without brackets, port or zone. An IPv4-mapped one becomes IPv4.</summary>
    public static bool TryRead(string text, [NotNullWhen(true)] out IPAddress? address)
    {
        var isAddress = IPAddress.TryParse(text, out address)
            && (address.AddressFamily is AddressFamily.InterNetwork ? text == $"{address}" : !text.AsSpan().ContainsAny("[]%"));
        address = isAddress ? Unmap(address!) : null;
        return isAddress;
    }

    /// <summary>
    /// Reads a network (<c>10.1.0.0/16</c>), which must have no bits set after its prefix. An IPv4-mapped one becomes IPv4.
    /// </summary>
    public static bool TryReadNetwork(string text, out IPNetwork network)
    {
        network = default;
        if (text.Split('/') is not [var address, var prefix] || !IPNetwork.TryParse(text, out var read) || prefix != $"{read.PrefixLength}"
            || !TryRead(address, out var start) || !start.Equals(Unmap(read.BaseAddress)))
        {
            return false;
        }

        network = Unmap(read);
        return true;
    }

    /// <summary>Reads a network, or an address as a network of one.</summary>
    public static bool TryReadRange(string text, out IPNetwork network)
    {
        if (!TryRead(text, out var address))
        {
            return TryReadNetwork(text, out network);
        }

        network = new IPNetwork(address, address.GetAddressBytes().Length * 8);
        return true;
    }

    /// <summary>Normalizes an address: an IPv4-mapped one becomes the IPv4 address.</summary>
    public static IPAddress Unmap(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    private static IPNetwork Unmap(IPNetwork network) => network is { BaseAddress.IsIPv4MappedToIPv6: true, PrefixLength: >= MappedBits }
        ? new IPNetwork(network.BaseAddress.MapToIPv4(), network.PrefixLength - MappedBits)
        : network;
}
