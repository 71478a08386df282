using System.Text;
using Platform.Contracts;
using Platform.Simulator.MagicHour;

namespace Platform.Benchmarks.Load;

/// <summary>Signed requests of distinct events, rendered before the load begins.</summary>
internal sealed class RequestSet
{
    /// <summary>Enough where no inbox runs and events may repeat.</summary>
    public const int PoolSize = 4_000;

    private readonly (Guid EventId, byte[] Request)[] _requests;

    private RequestSet((Guid, byte[])[] requests) => _requests = requests;

    public int Count => _requests.Length;

    public ReadOnlySpan<byte> this[int index] => _requests[index].Request;

    public static RequestSet Render(int count, string secret, TimeProvider time)
    {
        var now = time.GetUtcNow();
        var timestamp = Signing.Timestamp(now);
        var events = new SampleEvents(now);
        var requests = new (Guid, byte[])[count];
        for (var i = 0; i < count; i++)
        {
            var sample = events[i];
            var signature = Signing.Sign(secret, timestamp, sample.Body);
            requests[i] = (EventIdentity.Create(sample.Type, sample.JobId), Render(sample.Body, timestamp, signature));
        }

        return new RequestSet(requests);
    }

    /// <summary>The identity of the event in a request.</summary>
    public Guid EventIdOf(int index) => _requests[index].EventId;

    private static byte[] Render(byte[] body, string timestamp, string signature) =>
    [
        .. Encoding.ASCII.GetBytes(
            $"POST /webhook HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: platform-bench\r\nContent-Type: application/json\r\n"
            + $"{Signing.TimestampHeader}: {timestamp}\r\n{Signing.SignatureHeader}: {signature}\r\nContent-Length: {body.Length}\r\n\r\n"),
        .. body,
    ];
}
