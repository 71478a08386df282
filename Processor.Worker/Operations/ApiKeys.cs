using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;
using Processor.Worker.Owners;

namespace Processor.Worker.Operations;

/// <summary>The keys of the operations API.</summary>
internal sealed class ApiKeys(IOptions<OperationsOptions> options)
{
    private const string Scheme = "Bearer ";

    private readonly (byte[] Hash, Caller Caller)[] _keys =
    [
        .. options.Value.ApiKeys.Select(Hash).Select(hash => (hash, new Caller(new Registrant(Fingerprint(hash)), Rights.All))),
        .. options.Value.Keys.GroupBy(key => key.Name).SelectMany(Name),
    ];

    public bool IsEmpty => _keys.Length == 0;

    /// <summary>Identifies the caller by the request's key. Compares all keys in full, so that timing reveals nothing about them.</summary>
    /// <returns>
    /// A caller whose identity does not depend on the key's position in the list: it changes when a key is added, removed or rotated, and
    /// another key would inherit the registrations. Null when no key matches.
    /// </returns>
    public Caller? Identify(HttpRequest request)
    {
        var header = request.Headers.Authorization is [{ } only] ? only : "";
        return Identify(Hash(header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? header[Scheme.Length..] : ""));
    }

    /// <summary>Identifies the caller by the hash of a key (<see cref="Hash"/>), with which a session of the console refers to it.</summary>
    public Caller? Identify(ReadOnlySpan<byte> hash)
    {
        Caller? caller = null;
        foreach (var key in _keys)
        {
            caller = CryptographicOperations.FixedTimeEquals(key.Hash, hash) ? key.Caller : caller;
        }

        return caller;
    }

    /// <summary>A fixed length, as the comparison in fixed time needs.</summary>
    public static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    /// <summary>All keys with one name share an identity, which also owns what any of them registered before it had the name.</summary>
    private static IEnumerable<(byte[] Hash, Caller Caller)> Name(IGrouping<string, NamedKey> keys)
    {
        var identity = new Registrant($"api-key:{keys.Key}") { Formerly = [.. keys.Select(key => Fingerprint(Hash(key.Key)))] };
        return keys.Select(key => (Hash(key.Key), new Caller(identity, key.Granted)));
    }

    /// <summary>The start of a hash of the key's hash: it identifies the key but cannot be used to authenticate.</summary>
    private static string Fingerprint(byte[] hash) => $"api-key:{Convert.ToHexStringLower(SHA256.HashData(hash).AsSpan(0, 8))}";
}
