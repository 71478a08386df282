using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;
using Processor.Worker.Owners;

namespace Processor.Worker.Operations;

/// <summary>The keys of the operations API.</summary>
internal sealed class ApiKeys(IOptions<OperationsOptions> options)
{
    private const string Scheme = "Bearer ";

    private readonly (byte[] Hash, Registrant Owner)[] _keys =
    [
        .. options.Value.ApiKeys.Select(Hash).Select(hash => (hash, new Registrant(Fingerprint(hash)))),
        .. options.Value.Keys.GroupBy(key => key.Name).SelectMany(Name),
    ];

    public bool IsEmpty => _keys.Length == 0;

    /// <summary>Identifies the owner of a request's key. Compares all keys in full, so that timing reveals nothing about them.</summary>
    /// <returns>
    /// An identity that does not depend on the key's position in the list: it changes when a key is added, removed or rotated, and
    /// another key would inherit the registrations. Null when no key matches.
    /// </returns>
    public Registrant? Identify(HttpRequest request)
    {
        var header = request.Headers.Authorization is [{ } only] ? only : "";
        var hash = Hash(header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? header[Scheme.Length..] : "");
        Registrant? owner = null;
        foreach (var key in _keys)
        {
            owner = CryptographicOperations.FixedTimeEquals(key.Hash, hash) ? key.Owner : owner;
        }

        return owner;
    }

    /// <summary>All keys with one name share an identity, which also owns what any of them registered before it had the name.</summary>
    private static IEnumerable<(byte[] Hash, Registrant Owner)> Name(IGrouping<string, NamedKey> keys)
    {
        byte[][] hashes = [.. keys.Select(key => Hash(key.Key))];
        var owner = new Registrant($"api-key:{keys.Key}") { Formerly = [.. hashes.Select(Fingerprint)] };
        return hashes.Select(hash => (hash, owner));
    }

    /// <summary>The start of a hash of the key's hash: it identifies the key but cannot be used to authenticate.</summary>
    private static string Fingerprint(byte[] hash) => $"api-key:{Convert.ToHexStringLower(SHA256.HashData(hash).AsSpan(0, 8))}";

    // A fixed length, as FixedTimeEquals needs.
    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
