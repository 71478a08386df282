using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Platform.Contracts;

/// <summary>
/// Identifies events and bodies by a deterministic UUID (version 5, RFC 9562 section 5.5). The sender has no event id;
/// its documentation advises deduplicating on <c>type</c> and <c>payload.id</c>.
/// </summary>
public static class EventIdentity
{
    private static readonly Guid Namespace = new("6a00781b-143f-5ca6-b8d2-3a535b4d83f3");

    /// <summary>The id of an event: the same for every delivery of it, whatever else its body contains.</summary>
    /// <param name="eventType">The sender's <c>type</c>.</param>
    /// <param name="jobId">The sender's <c>payload.id</c>.</param>
    public static Guid Create(string eventType, string jobId) => Version5($"{eventType}\n{jobId}");

    /// <summary>The id of a body that is not a usable event; equal for equal bodies.</summary>
    /// <param name="bodySha256">SHA-256 of the body in hex.</param>
    public static Guid FromBody(string bodySha256) => Version5(bodySha256);

    [SuppressMessage("Security", "CA5350", Justification = "Version 5 is defined with SHA-1; it names, it does not protect.")]
    private static Guid Version5(string name)
    {
        const int namespaceLength = 16;
        var input = new byte[namespaceLength + Encoding.UTF8.GetByteCount(name)];
        Namespace.TryWriteBytes(input, bigEndian: true, out _);
        Encoding.UTF8.GetBytes(name, input.AsSpan(namespaceLength));

        Span<byte> hash = stackalloc byte[SHA1.HashSizeInBytes];
        SHA1.HashData(input, hash);
        hash[6] = (byte)((hash[6] & 0x0F) | 0x50);
        hash[8] = (byte)((hash[8] & 0x3F) | 0x80);
        return new Guid(hash[..16], bigEndian: true);
    }
}
