using System.Net;
using System.Net.Sockets;

namespace Processor.Worker.Notifications;

/// <summary>Classifies addresses: public, never allowed as a target, or an IPv6 form of an IPv4 address.</summary>
internal static class AddressRules
{
    /// <summary>
    /// Networks outside the public internet: IANA's special-purpose registries (RFC 6890 and later), and the public addresses at which a
    /// cloud provider serves its own machines. The NetworkPolicy of the role <c>notify</c> has the same list.
    /// </summary>
    public static readonly IReadOnlyList<IPNetwork> NotPublic = Parse(
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
        "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        // Azure's platform.
        "168.63.129.16/32",
        // Inside the public part of IPv6: other mappings of IPv4 addresses (Teredo, 6to4), and documentation.
        "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20");

    /// <summary>All public unicast IPv6. It excludes loopback, local, multicast and mapped addresses, and NAT64.</summary>
    public static readonly IPNetwork PublicIPv6 = IPNetwork.Parse("2000::/3");

    /// <summary>
    /// Never a target, whatever is allowed: "this host" (which Linux treats as loopback), link-local and multicast addresses, and the
    /// metadata services of cloud providers, which hand out the machine's credentials.
    /// </summary>
    public static readonly IReadOnlyList<IPNetwork> Never = Parse(
        "0.0.0.0/8", "::/128", "fe80::/10", "224.0.0.0/4", "240.0.0.0/4", "ff00::/8",
        // AWS, Azure, Google, Oracle, DigitalOcean, Hetzner, OpenStack, Tencent and Scaleway; containers and pods of AWS.
        "169.254.0.0/16",
        // AWS: machines, pods and time. Google. Scaleway.
        "fd00:ec2::/32", "fd20:ce::/32", "fd00:42::42/128",
        // Azure. Alibaba. Oracle's earlier cloud.
        "168.63.129.16/32", "100.100.100.200/32", "192.0.0.192/32",
        // The same over IPv6: Oracle, Akamai, Alibaba.
        "fd00:c1::a9fe:a9fe/128", "fd00:a9fe:a9fe::1/128", "fd00:100::100:200/128");

    private static readonly IPNetwork[] Nat64 = [IPNetwork.Parse("64:ff9b::/96"), IPNetwork.Parse("64:ff9b:1::/48")];
    private static readonly IPNetwork SixToFour = IPNetwork.Parse("2002::/16");
    private static readonly IPNetwork Teredo = IPNetwork.Parse("2001::/32");

    /// <summary>The IPv4 address that a translator or tunnel embeds in an IPv6 address (NAT64, 6to4, Teredo); null if none.</summary>
    public static IPAddress? FindEmbedded(IPAddress address)
    {
        if (address.AddressFamily is not AddressFamily.InterNetworkV6)
        {
            return null;
        }

        var bytes = address.GetAddressBytes();
        return address switch
        {
            _ when Nat64.Any(network => network.Contains(address)) => new IPAddress(bytes[12..]),
            _ when SixToFour.Contains(address) => new IPAddress(bytes[2..6]),
            // Inverted (RFC 4380).
            _ when Teredo.Contains(address) => new IPAddress(bytes[12..].Select(part => (byte)~part).ToArray()),
            _ => null,
        };
    }

    private static IPNetwork[] Parse(params string[] networks) => [.. networks.Select(network => IPNetwork.Parse(network))];
}
