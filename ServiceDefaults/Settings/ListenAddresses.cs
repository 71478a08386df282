using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;

namespace Platform.ServiceDefaults.Settings;

/// <summary>
/// Checks whether the service can listen on the configured addresses. Kestrel binds last,
/// when everything else has started, and reports a failure in forty lines.
/// </summary>
public static class ListenAddresses
{
    /// <summary>Finds the first address that cannot be used and explains why in one line; null when there is none.</summary>
    public static string? FindListenError(this WebApplication app)
    {
        // The test server listens on no address.
        if (app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>() is null)
        {
            return null;
        }

        return ReadUrls(app.Configuration).Select(FindBindError).FirstOrDefault(error => error is not null);
    }

    /// <summary>Reads the configured listen addresses.</summary>
    public static string[] ReadUrls(IConfiguration configuration)
    {
        // Endpoints take precedence over URLs.
        string[] endpoints = [.. configuration.GetSection("Kestrel:Endpoints").GetChildren().Select(endpoint => endpoint["Url"]).OfType<string>()];
        return endpoints.Length > 0
            ? endpoints
            : (configuration[WebHostDefaults.ServerUrlsKey] ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
    }

    /// <summary>Finds what is wrong with the text of an address; null when it is valid.</summary>
    public static string? FindUrlError(string url)
    {
        try
        {
            return BindingAddress.Parse(url) is { PathBase.Length: 0, Port: <= IPEndPoint.MaxPort } ? null : NotAnAddress(url);
        }
        catch (FormatException)
        {
            return NotAnAddress(url);
        }
    }

    private static string NotAnAddress(string url) => $"'{url}' is not an address to listen on, such as http://*:8080";

    private static string? FindBindError(string url)
    {
        if (FindUrlError(url) is { } error)
        {
            return error;
        }

        var address = BindingAddress.Parse(url);
        return address.IsUnixPipe || address.IsNamedPipe ? null : FindBindError(url, ReadAddress(address.Host), address.Port);
    }

    private static IPAddress ReadAddress(string host) => host switch
    {
        _ when IPAddress.TryParse(host, out var address) => address,
        "localhost" => IPAddress.Loopback,
        _ => Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any,
    };

    // Bound but not listening: clients notice nothing, and the port is free again immediately.
    private static string? FindBindError(string url, IPAddress address, int port)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (address.Equals(IPAddress.IPv6Any))
            {
                socket.DualMode = true;
            }

            socket.Bind(new IPEndPoint(address, port));
            return null;
        }
        catch (SocketException exception)
        {
            return $"cannot listen on {url}: {exception.Message}";
        }
    }
}
