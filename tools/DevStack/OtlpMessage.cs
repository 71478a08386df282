using System.Buffers.Binary;
using System.Text;

namespace Platform.DevStack;

/// <summary>A protobuf message as raw wire fields: enough for OTLP, without a package.</summary>
public sealed class OtlpMessage
{
    private readonly ILookup<int, object> _fields;

    public OtlpMessage(ReadOnlyMemory<byte> bytes) => _fields = Read(bytes).ToLookup(field => field.Number, field => field.Value);

    public IEnumerable<OtlpMessage> Messages(int field) => _fields[field].Select(value => new OtlpMessage((ReadOnlyMemory<byte>)value));

    /// <summary>The number of <see cref="Messages"/>, without parsing them.</summary>
    public int Count(int field) => _fields[field].Count();

    public string Text(int field) => Encoding.UTF8.GetString(Bytes(field).Span);

    /// <summary>An id as lower-case hex; empty when missing.</summary>
    public string Hex(int field) => Convert.ToHexStringLower(Bytes(field).Span);

    public ulong Number(int field) => _fields[field].OfType<ulong>().FirstOrDefault();

    /// <summary>Key and value of each attribute, the value as text.</summary>
    public Dictionary<string, string> Attributes(int field) =>
        Messages(field).ToDictionary(attribute => attribute.Text(1), attribute => attribute.Messages(2).Select(Value).FirstOrDefault(""));

    // AnyValue: only strings, booleans and integers are needed.
    private static string Value(OtlpMessage any) => any._fields[1].Any() ? any.Text(1)
        : any._fields[2].Any() ? (any.Number(2) == 1 ? "true" : "false")
        : $"{(long)any.Number(3)}";

    private ReadOnlyMemory<byte> Bytes(int field) => _fields[field].OfType<ReadOnlyMemory<byte>>().FirstOrDefault();

    private static IEnumerable<(int Number, object Value)> Read(ReadOnlyMemory<byte> bytes)
    {
        for (var at = 0; at < bytes.Length;)
        {
            var tag = Varint(bytes.Span, ref at);
            object value = (tag & 7) switch
            {
                0 => Varint(bytes.Span, ref at),
                1 => BinaryPrimitives.ReadUInt64LittleEndian(Take(8).Span),
                2 => Take((int)Varint(bytes.Span, ref at)),
                5 => (ulong)BinaryPrimitives.ReadUInt32LittleEndian(Take(4).Span),
                var type => throw new InvalidDataException($"Wire type {type}."),
            };
            yield return ((int)(tag >> 3), value);

            ReadOnlyMemory<byte> Take(int length)
            {
                at += length;
                return bytes[(at - length)..at];
            }
        }
    }

    private static ulong Varint(ReadOnlySpan<byte> bytes, ref int at)
    {
        var value = 0UL;
        for (var shift = 0; ; shift += 7)
        {
            var next = bytes[at++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }
    }
}
