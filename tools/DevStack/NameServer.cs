using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Platform.DevStack;

/// <summary>A name server on loopback that resolves every name to the same addresses, or that never answers.</summary>
public sealed class NameServer : IAsyncDisposable
{
    private const int HeaderLength = 12;

    private readonly UdpClient _socket = new(new IPEndPoint(IPAddress.Loopback, 0));
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _serving;

    /// <param name="addresses">IPv4 addresses; without any, the server never answers.</param>
    public NameServer(params IPAddress[] addresses) => _serving = ServeAsync(addresses, _stop.Token);

    /// <summary>In the format of <c>resolv.conf</c>, but with a port, which the real format lacks.</summary>
    public string Address => $"{_socket.Client.LocalEndPoint}";

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _socket.Dispose();
        _stop.Dispose();
    }

    private async Task ServeAsync(IPAddress[] addresses, CancellationToken cancellationToken)
    {
        while (true)
        {
            var question = await _socket.ReceiveAsync(cancellationToken);
            if (addresses.Length > 0)
            {
                await _socket.SendAsync(Answer(question.Buffer, addresses), question.RemoteEndPoint, cancellationToken);
            }
        }
    }

    private static byte[] Answer(byte[] question, IPAddress[] addresses)
    {
        byte[] answer =
        [
            .. question,
            // Pointer to the question's name, type A, class IN, TTL 1 s, length 4.
            .. addresses.SelectMany(address => (byte[])[0xC0, HeaderLength, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, .. address.GetAddressBytes()]),
        ];
        // Flags: a response without error.
        BinaryPrimitives.WriteUInt16BigEndian(answer.AsSpan(2), 0x8180);
        BinaryPrimitives.WriteUInt16BigEndian(answer.AsSpan(6), (ushort)addresses.Length);
        return answer;
    }
}
