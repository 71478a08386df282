using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Options;

namespace Processor.Worker.Notifications;

/// <summary>Finds the addresses of a host.</summary>
internal delegate Task<IPAddress[]> ResolveHost(string host, CancellationToken cancellationToken);

/// <summary>
/// Connects to what users name, and to nothing within our own network. The address that was looked at is the one that is connected to:
/// a name that means something else a moment later finds nobody.
/// </summary>
internal sealed class TargetGuard(IOptions<OutgoingWebhookOptions> options, ResolveHost resolve)
{
    // The special-purpose registries of IANA, IPv4 (RFC 6890 and later).
    private static readonly IPNetwork[] Special =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
            "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
            // Within the public part of IPv6: what leads to IPv4 addresses by another way (Teredo, 6to4), and documentation.
            "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
        }.Select(network => IPNetwork.Parse(network)),
    ];

    // All that is assigned to the public. Outside of it are loopback, local, multicast and mapped addresses, and NAT64.
    private static readonly IPNetwork PublicIPv6 = IPNetwork.Parse("2000::/3");

    private readonly IPNetwork[] _allowedNetworks =
        [.. options.Value.AllowedTargets.Select(target => IPNetwork.TryParse(target, out var network) ? (IPNetwork?)network : null).OfType<IPNetwork>()];

    private readonly DnsEndPoint[] _allowedHosts =
        [.. options.Value.AllowedTargets.Where(target => !IPNetwork.TryParse(target, out _)).Select(ReadHost)];

    /// <summary>As <see cref="SocketsHttpHandler.ConnectCallback"/>.</summary>
    /// <exception cref="TargetRefusedException">It leads to where nobody may send us.</exception>
    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var target = context.DnsEndPoint;
        var addresses = IPAddress.TryParse(target.Host, out var address) ? [address] : await resolve(target.Host, cancellationToken);
        // One bad address is enough: which of several is taken would be chance.
        if (!IsAllowedHost(target) && (addresses.Length == 0 || !addresses.All(IsAllowed)))
        {
            throw new TargetRefusedException();
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, target.Port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Whether an address is public, or one of ours that is allowed.</summary>
    public bool IsAllowed(IPAddress address) =>
        _allowedNetworks.Any(network => network.Contains(address))
        || !Special.Any(network => network.Contains(address))
            && (address.AddressFamily is AddressFamily.InterNetwork || PublicIPv6.Contains(address));

    private bool IsAllowedHost(DnsEndPoint target) => _allowedHosts.Any(allowed =>
        allowed.Port == target.Port && allowed.Host.Equals(target.Host, StringComparison.OrdinalIgnoreCase));

    private static DnsEndPoint ReadHost(string target) =>
        OutgoingWebhookOptions.TryReadTarget(target, out var host) ? host : throw new FormatException($"'{target}' was not validated.");
}

/// <summary>A target leads to where nobody may send us. Says no more: the answer must not be a map of our network.</summary>
internal sealed class TargetRefusedException() : Exception("The target is not allowed.");
