using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Options;
using Platform.ServiceDefaults.Settings;

namespace Processor.Worker.Notifications;

/// <summary>Resolves a host to its addresses.</summary>
internal delegate Task<IPAddress[]> ResolveHost(string host, CancellationToken cancellationToken);

/// <summary>
/// Connects to the targets that users name, except those inside the platform's own network. It connects to the very address that it
/// checked, so that a DNS change in between has no effect (DNS rebinding).
/// </summary>
internal sealed class TargetGuard(IOptions<OutgoingWebhookOptions> options, ResolveHost resolve)
{
    private readonly IPNetwork[] _allowedNetworks =
        [.. options.Value.AllowedTargets.Select(target => AddressText.TryReadNetwork(target, out var network) ? (IPNetwork?)network : null).OfType<IPNetwork>()];

    private readonly IPNetwork[] _denied =
        [.. AddressRules.Never, .. options.Value.DeniedTargets.Select(ReadNetwork)];

    private readonly DnsEndPoint[] _allowedHosts =
        [.. options.Value.AllowedTargets.Where(target => !AddressText.TryReadNetwork(target, out _)).Select(ReadHost)];

    private const int MaxHeadersKiB = 16;

    /// <summary>A handler for requests to such targets. The time limits and the use of responses are the caller's.</summary>
    public SocketsHttpHandler CreateHandler() => new()
    {
        ConnectCallback = ConnectAsync,
        // A redirect or a proxy would bypass the guard.
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
        // Targets must not learn the platform's trace ids, and baggage from other systems must not be passed on.
        ActivityHeadersPropagator = null,
        MaxResponseHeadersLength = MaxHeadersKiB,
        PooledConnectionLifetime = TimeSpan.FromMinutes(1),
    };

    /// <summary>Implements <see cref="SocketsHttpHandler.ConnectCallback"/>.</summary>
    /// <exception cref="TargetRefusedException">The target is inside the platform's own network, or denied.</exception>
    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var target = context.DnsEndPoint;
        var addresses = IPAddress.TryParse(target.Host, out var address) ? [address] : await resolve(target.Host, cancellationToken);
        // One forbidden address is enough: otherwise it would be chance which of several is used.
        var isAllowed = IsAllowedHost(target) ? !addresses.Any(IsDenied) : addresses.Length > 0 && addresses.All(IsAllowed);
        if (!isAllowed)
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

    /// <summary>Whether an address is public, or in an allowed network. Denied addresses take precedence over allowed ones.</summary>
    public bool IsAllowed(IPAddress address) => !IsDenied(address) && (IsInAllowedNetwork(address) || IsPublic(address));

    // Checks the embedded IPv4 address as strictly as the address itself.
    private bool IsDenied(IPAddress address) =>
        Contains(_denied, address) || AddressRules.FindEmbedded(address) is { } embedded && Contains(_denied, embedded);

    private bool IsInAllowedNetwork(IPAddress address) =>
        Contains(_allowedNetworks, address)
        && (AddressRules.FindEmbedded(address) is not { } embedded || IsPublic(embedded) || Contains(_allowedNetworks, embedded));

    // Mapped addresses are not public: no resolver returns one, and a URL with one is suspicious.
    private static bool IsPublic(IPAddress address) =>
        !Contains(AddressRules.NotPublic, address)
        && (address.AddressFamily is AddressFamily.InterNetwork || AddressRules.PublicIPv6.Contains(address));

    private static bool Contains(IReadOnlyList<IPNetwork> networks, IPAddress address)
    {
        var plain = AddressText.Unmap(address);
        return networks.Any(network => network.Contains(plain));
    }

    private static IPNetwork ReadNetwork(string text) =>
        AddressText.TryReadRange(text, out var network) ? network : throw new FormatException($"'{text}' was not validated.");

    private bool IsAllowedHost(DnsEndPoint target) => _allowedHosts.Any(allowed =>
        allowed.Port == target.Port && allowed.Host.Equals(target.Host, StringComparison.OrdinalIgnoreCase));

    private static DnsEndPoint ReadHost(string target) =>
        OutgoingWebhookOptions.TryReadTarget(target, out var host) ? host : throw new FormatException($"'{target}' was not validated.");
}

/// <summary>The target is forbidden. The message gives no details: an answer must not reveal the network's layout.</summary>
internal sealed class TargetRefusedException() : Exception("The target is not allowed.");
