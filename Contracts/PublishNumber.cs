using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Platform.Contracts;

/// <summary>
/// The number of a publish of an ingress. It travels in the delivery id of its message, a UUID of version 8 (RFC 9562 section 5.8), and is stored with it:
/// no message and no row is a byte longer, and a worker that knows no numbers treats it as any other id.
/// </summary>
/// <param name="Source">One life of one ingress: <see cref="NewSource"/>.</param>
/// <param name="Number">From 1, without gaps: 1 to 2^62 - 1.</param>
public readonly record struct PublishNumber(long Source, long Number)
{
    private const int Bytes = 16;
    private const int LowSourceBits = 12;
    private const ulong LowSource = (1UL << LowSourceBits) - 1;
    private const ulong MaxSource = (1UL << 60) - 1;
    private const ulong MaxNumber = (1UL << 62) - 1;
    private const ulong Version = 8UL << LowSourceBits;
    private const ulong Variant = 0b10UL << 62;

    /// <summary>60 random bits: a million ingresses have two equal ones with a probability of 1 to 2 million.</summary>
    public static long NewSource()
    {
        Span<byte> random = stackalloc byte[sizeof(ulong)];
        RandomNumberGenerator.Fill(random);
        return (long)(BinaryPrimitives.ReadUInt64BigEndian(random) & MaxSource);
    }

    /// <summary>Null for an id without a number, as in messages of the worker and of older ingresses.</summary>
    public static PublishNumber? FromDeliveryId(Guid deliveryId)
    {
        if (deliveryId.Version != 8)
        {
            return null;
        }

        Span<byte> id = stackalloc byte[Bytes];
        deliveryId.TryWriteBytes(id, bigEndian: true, out _);
        var high = BinaryPrimitives.ReadUInt64BigEndian(id);
        var source = (high >> 16 << LowSourceBits) | (high & LowSource);
        return new PublishNumber((long)source, (long)(BinaryPrimitives.ReadUInt64BigEndian(id[sizeof(ulong)..]) & MaxNumber));
    }

    /// <summary>The id of the delivery that is published under this number.</summary>
    public Guid ToDeliveryId()
    {
        Span<byte> id = stackalloc byte[Bytes];
        var source = (ulong)Source;
        BinaryPrimitives.WriteUInt64BigEndian(id, (source >> LowSourceBits << 16) | Version | (source & LowSource));
        BinaryPrimitives.WriteUInt64BigEndian(id[sizeof(ulong)..], Variant | (ulong)Number);
        return new Guid(id, bigEndian: true);
    }
}
