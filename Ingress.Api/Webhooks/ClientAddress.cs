using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;
using Platform.ServiceDefaults.Settings;

namespace Ingress.Api.Webhooks;

/// <summary>
/// Determines the client: the peer of the connection or, when the peer is a trusted proxy, the
/// first address from the right of <c>X-Forwarded-For</c> that is not one. Each proxy appends
/// its own peer, so everything left of that address is the client's claim and is never read.
/// </summary>
/// <remarks>
/// ASP.NET Core's middleware parses the header's values as if they could be quoted: with one quotation mark, a client turns the rest of the
/// header into a single value and is assigned the proxy's address. It also reads "7" as 0.0.0.7.
/// </remarks>
internal static class ClientAddress
{
    private const string ForwardedFor = "X-Forwarded-For";

    /// <summary>Replaces the peer's address with the client's. Afterwards, an IPv4 address is never IPv4-mapped.</summary>
    public static void UseClientAddress(this WebApplication app)
    {
        var trusted = app.Services.GetRequiredService<IOptions<IngressOptions>>().Value.ReadTrustedProxies();
        app.Use((http, next) =>
        {
            if (http.Connection.RemoteIpAddress is { } peer)
            {
                http.Connection.RemoteIpAddress = Find(AddressText.Unmap(peer), http.Request.Headers[ForwardedFor], trusted);
            }

            return next(http);
        });
    }

    /// <summary>
    /// Reads an address with or without a port: <c>1.2.3.4:5678</c>, <c>[::1]:80</c>, <c>::1</c>. IPv4 must be four decimal numbers: <see
    /// cref="IPAddress"/> itself also accepts fewer, and octal ones.
    /// </summary>
    public static IPAddress? Read(ReadOnlySpan<char> text) =>
        IPEndPoint.TryParse(text, out var endpoint)
        && (endpoint.AddressFamily is AddressFamily.InterNetworkV6 || text.StartsWith($"{endpoint.Address}", StringComparison.Ordinal))
            ? AddressText.Unmap(endpoint.Address)
            : null;

    private static IPAddress Find(IPAddress peer, StringValues forwarded, IPNetwork[] trusted)
    {
        var client = peer;
        for (var line = forwarded.Count - 1; line >= 0; line--)
        {
            var entries = forwarded[line].AsSpan();
            while (!entries.IsEmpty && Array.Exists(trusted, network => network.Contains(client)))
            {
                var comma = entries.LastIndexOf(',');
                var entry = entries[(comma + 1)..].Trim();
                entries = entries[..Math.Max(comma, 0)];
                if (entry.IsEmpty)
                {
                    continue;
                }

                if (Read(entry) is not { } address)
                {
                    // The proxy did not report an address, so the proxy is the last known one.
                    return client;
                }

                client = address;
            }
        }

        return client;
    }
}
