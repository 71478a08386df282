using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;

namespace Processor.Worker.Operations;

/// <summary>The keys of the operations API.</summary>
internal sealed class ApiKeys(IOptions<OperationsOptions> options)
{
    private const string Scheme = "Bearer ";

    private readonly byte[][] _hashes = [.. options.Value.ApiKeys.Select(Hash)];

    /// <summary>Whether a request has one of the keys. Looks at all of them whole, so that the time it takes tells nothing.</summary>
    public bool Admit(HttpRequest request)
    {
        var header = request.Headers.Authorization is [{ } only] ? only : "";
        var hash = Hash(header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? header[Scheme.Length..] : "");
        var isAdmitted = false;
        foreach (var key in _hashes)
        {
            isAdmitted |= CryptographicOperations.FixedTimeEquals(key, hash);
        }

        return isAdmitted;
    }

    // Of one length, whatever the length of the key.
    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
