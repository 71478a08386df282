namespace Platform.Benchmarks.Contestants;

/// <summary>Counts the spans in a request of OTLP, which is protobuf, without reading them.</summary>
internal static class SpanCount
{
    // The numbers of the fields: of the request its resources, of a resource its scopes, of a scope its spans.
    private static readonly int[] Path = [1, 2, 2];

    /// <param name="request">An <c>ExportTraceServiceRequest</c>.</param>
    public static int Of(ReadOnlySpan<byte> request) => Count(request, Path);

    private static int Count(ReadOnlySpan<byte> message, ReadOnlySpan<int> path)
    {
        if (path.IsEmpty)
        {
            return 1;
        }

        var count = 0;
        while (!message.IsEmpty)
        {
            var (field, type) = Math.DivRem(ReadVarint(ref message), 8);
            var length = type switch
            {
                0 => message.IndexOfAnyInRange<byte>(0, 0x7F) + 1,
                1 => 8,
                2 => ReadVarint(ref message),
                5 => 4,
                _ => throw new InvalidDataException($"There is no type {type} in protobuf."),
            };
            count += (field, type) == (path[0], 2) ? Count(message[..(int)length], path[1..]) : 0;
            message = message[(int)length..];
        }

        return count;
    }

    private static long ReadVarint(ref ReadOnlySpan<byte> message)
    {
        var value = 0L;
        for (var shift = 0; ; shift += 7)
        {
            var next = message[0];
            message = message[1..];
            value |= (long)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }
    }
}
