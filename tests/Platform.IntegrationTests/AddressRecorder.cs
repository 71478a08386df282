using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Platform.DevStack;

namespace Platform.IntegrationTests;

/// <summary>Records the addresses that programs in a namespace try to reach, except loopback, and the names that they look up.</summary>
internal sealed class AddressRecorder : IAsyncDisposable
{
    private const int DnsPort = 53;

    // Reserved for documentation, port 9: nothing else contacts this address.
    private static readonly IPEndPoint Sentinel = new(IPAddress.Parse("203.0.113.9"), 9);

    private readonly NetworkNamespace _namespace;
    private readonly Socket _packets;
    private readonly Task _reading;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentDictionary<string, bool> _contacted = new();

    private AddressRecorder(NetworkNamespace @namespace, Socket packets)
    {
        _namespace = @namespace;
        _packets = packets;
        _reading = ReadAsync();
    }

    public static async Task<AddressRecorder> StartAsync(NetworkNamespace @namespace) =>
        new(@namespace, await @namespace.RunAsync(OpenPacketSocket));

    /// <summary>Everything contacted so far: <c>address:port</c>, or the name that was looked up.</summary>
    public async Task<IReadOnlyCollection<string>> ReadAllAsync(CancellationToken cancellationToken)
    {
        // Packets are read in order: once this one has been read, all earlier ones have been too.
        using var sender = await _namespace.RunAsync(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        await sender.SendToAsync(new byte[1], Sentinel, cancellationToken);
        await Waiting.UntilAsync("the last packet is read", () => Task.FromResult(_contacted.ContainsKey($"{Sentinel}")), cancellationToken);
        Assert.Equal(0, CountMissedPackets());
        _contacted.TryRemove($"{Sentinel}", out _);
        return [.. _contacted.Keys.Order(StringComparer.Ordinal)];
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _packets.Dispose();
        _stopping.Dispose();
    }

    private static Socket OpenPacketSocket()
    {
        const int everyProtocol = 3;
        const int socketLevel = 1;
        const int receiveBufferForced = 33;
        var packets = new Socket(AddressFamily.Packet, SocketType.Dgram, (ProtocolType)(everyProtocol << 8));
        // Relayed traffic to the broker and the database is captured too, and this process may be slow to read it.
        packets.SetRawSocketOption(socketLevel, receiveBufferForced, BitConverter.GetBytes(16 * 1024 * 1024));
        return packets;
    }

    private int CountMissedPackets()
    {
        const int packetLevel = 263;
        const int statistics = 6;
        var counts = new byte[2 * sizeof(int)];
        _packets.GetRawSocketOption(packetLevel, statistics, counts);
        return BitConverter.ToInt32(counts, sizeof(int));
    }

    private async Task ReadAsync()
    {
        var buffer = new byte[70_000];
        while (true)
        {
            var count = await _packets.ReceiveAsync(buffer, _stopping.Token);
            Record(buffer.AsSpan(0, count));
        }
    }

    private void Record(ReadOnlySpan<byte> packet)
    {
        var isVersion6 = packet[0] >> 4 == 6;
        var protocol = (ProtocolType)packet[isVersion6 ? 6 : 9];
        var address = new IPAddress(isVersion6 ? packet[24..40] : packet[16..20]);
        var content = packet[(isVersion6 ? 40 : (packet[0] & 0xF) * 4)..];
        // Only the first packet of a TCP connection: responses go to an address that was contacted too.
        var isAttempt = protocol is ProtocolType.Udp || (protocol is ProtocolType.Tcp && (content[13] & 0x12) == 0x02);
        if (!isAttempt || IPAddress.IsLoopback(address))
        {
            return;
        }

        var port = BinaryPrimitives.ReadUInt16BigEndian(content[2..]);
        _contacted[protocol is ProtocolType.Udp && port == DnsPort ? ReadQuestion(content[8..]) : $"{new IPEndPoint(address, port)}"] = true;
    }

    private static string ReadQuestion(ReadOnlySpan<byte> query)
    {
        var name = new StringBuilder();
        for (var rest = query[12..]; rest[0] > 0; rest = rest[(1 + rest[0])..])
        {
            name.Append(name.Length > 0 ? "." : "").Append(Encoding.ASCII.GetString(rest.Slice(1, rest[0])));
        }

        return name.ToString();
    }
}
