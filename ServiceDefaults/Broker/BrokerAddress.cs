using System.Diagnostics.CodeAnalysis;
using Platform.ServiceDefaults.Settings;

namespace Platform.ServiceDefaults.Broker;

/// <summary>
/// The connection string of the broker: <c>amqp://user:password@host:port/vhost</c>, <c>amqps</c> for TLS, and for a cluster several
/// <c>host:port</c> separated by commas, which <see cref="Uri"/> rejects. Surrounding white space is ignored.
/// </summary>
public sealed record BrokerAddress
{
    private const int DefaultPort = 5672;
    private const int DefaultTlsPort = 5671;

    /// <summary>The nodes, in the order in which they are tried; at least one.</summary>
    public required IReadOnlyList<BrokerNode> Nodes { get; init; }

    /// <summary>Connect with TLS and verify the certificate.</summary>
    public required bool UseTls { get; init; }

    /// <summary>User name; <c>guest</c> when the string has none.</summary>
    public required string User { get; init; }

    /// <summary>Password; <c>guest</c> when the string has none.</summary>
    public required string Password { get; init; }

    /// <summary>Virtual host; <c>/</c> when the string has none.</summary>
    public required string VirtualHost { get; init; }

    /// <summary>Reads a connection string.</summary>
    /// <param name="text">The connection string; user, password and virtual host may be percent-encoded, and <c>/</c>, <c>?</c> and <c>#</c> in them must be.</param>
    /// <param name="address">The parsed address.</param>
    /// <param name="error">What is wrong with it, worded without the password.</param>
    public static bool TryParse(string? text, [NotNullWhen(true)] out BrokerAddress? address, [NotNullWhen(false)] out string? error)
    {
        address = null;
        if (string.IsNullOrWhiteSpace(text))
        {
            error = "is missing; it looks like amqp://user:password@host:5672/vhost";
            return false;
        }

        text = SecretText.Trim(text);
        var schemeEnd = text.IndexOf("://", StringComparison.Ordinal);
        var scheme = schemeEnd < 0 ? "" : text[..schemeEnd].ToLowerInvariant();
        if (scheme is not ("amqp" or "amqps"))
        {
            error = "must begin with amqp:// or amqps://";
            return false;
        }

        var useTls = scheme == "amqps";
        // Split at the last @ first, because a password may contain one.
        var (credentials, place) = SplitAtLast(text[(schemeEnd + 3)..], '@');
        if (credentials.AsSpan().IndexOfAny('/', '?', '#') >= 0)
        {
            error = "has a /, ? or # before its last @; in a user or password they are written %2F, %3F and %23, and elsewhere @ is written %40";
            return false;
        }

        if (place.AsSpan().IndexOfAny('?', '#') >= 0)
        {
            error = "has a query or a fragment; settings have names of their own, and in a virtual host ? is written %3F and # is written %23";
            return false;
        }

        var (hosts, path) = SplitAtFirst(place, '/');
        var (user, password) = SplitAtFirst(credentials, ':');
        if (FindTextError(text, user, password) is { } textError)
        {
            error = textError;
            return false;
        }

        var nodes = new List<BrokerNode>();
        foreach (var host in hosts.Split(','))
        {
            if (!BrokerNode.TryParse(host, useTls ? DefaultTlsPort : DefaultPort, out var node))
            {
                // Without an @, this may be a password whose host was forgotten.
                error = $"names a node {(credentials.Length == 0 ? "" : $"'{host}' ")}that is not host or host:port";
                return false;
            }

            nodes.Add(node);
        }

        address = new BrokerAddress
        {
            Nodes = nodes,
            UseTls = useTls,
            User = user.Length == 0 ? "guest" : Uri.UnescapeDataString(user),
            Password = password.Length == 0 ? "guest" : Uri.UnescapeDataString(password),
            VirtualHost = path.Length == 0 ? "/" : Uri.UnescapeDataString(path),
        };
        error = null;
        return true;
    }

    /// <summary>Parses a connection string that has already been validated.</summary>
    /// <exception cref="FormatException">The connection string is not valid.</exception>
    public static BrokerAddress Parse(string? text) =>
        TryParse(text, out var address, out var error) ? address : throw new FormatException($"The broker's connection string {error}.");

    /// <summary>The nodes for display: no user, no password.</summary>
    public override string ToString() => string.Join(',', Nodes.Select(node => $"{node.Host}:{node.Port}"));

    // Check before decoding: percent-encoded characters are intentional.
    private static string? FindTextError(string text, string user, string password) =>
        (user.Length > 0 ? SecretText.FindError(user) : null) is { } userError ? $"has a user that {userError.TrimEnd('.')}"
        : (password.Length > 0 ? SecretText.FindError(password) : null) is { } passwordError ? $"has a password that {passwordError.TrimEnd('.')}"
        : SecretText.FindError(text)?.TrimEnd('.');

    private static (string Before, string After) SplitAtFirst(string text, char separator) =>
        text.IndexOf(separator) is var at and >= 0 ? (text[..at], text[(at + 1)..]) : (text, "");

    private static (string Before, string After) SplitAtLast(string text, char separator) =>
        text.LastIndexOf(separator) is var at and >= 0 ? (text[..at], text[(at + 1)..]) : ("", text);
}

/// <summary>One node of the broker.</summary>
/// <param name="Host">Name or address.</param>
/// <param name="Port">1 to 65535.</param>
public sealed record BrokerNode(string Host, int Port)
{
    internal static bool TryParse(string text, int defaultPort, [NotNullWhen(true)] out BrokerNode? node)
    {
        // Uri parses host, port and IPv6 brackets; it only cannot handle the comma.
        node = Uri.TryCreate($"amqp://{text}", UriKind.Absolute, out var uri) && uri is { Host.Length: > 0, UserInfo.Length: 0, PathAndQuery: "" or "/" }
            ? new BrokerNode(uri.DnsSafeHost, uri.Port is -1 ? defaultPort : uri.Port)
            : null;
        return node is { Port: >= 1 and <= 65535 };
    }
}
