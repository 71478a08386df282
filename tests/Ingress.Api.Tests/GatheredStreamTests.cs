using System.Net;
using System.Net.Sockets;
using Ingress.Api.Publishing;

namespace Ingress.Api.Tests;

/// <summary>Tests over a real connection.</summary>
public sealed class GatheredStreamTests : IAsyncLifetime
{
    private readonly Socket _near = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private Socket _far = null!;

    public async ValueTask InitializeAsync()
    {
        using var listener = new TcpListener(IPAddress.Loopback, port: 0);
        listener.Start();
        await _near.ConnectAsync(listener.LocalEndpoint, TestContext.Current.CancellationToken);
        _far = await listener.AcceptSocketAsync(TestContext.Current.CancellationToken);
    }

    public ValueTask DisposeAsync()
    {
        _near.Dispose();
        _far.Dispose();
        return ValueTask.CompletedTask;
    }

    [Theory]
    [InlineData(2000, 900)]
    [InlineData(3, 2_000_000)]
    public async Task All_that_is_written_arrives_in_its_order(int count, int size)
    {
        await using var stream = new GatheredStream(_near);
        var all = new byte[count * size];
        new Random(7).NextBytes(all);

        var receiving = ReceiveAsync(all.Length);
        for (var i = 0; i < count; i++)
        {
            await stream.WriteAsync(all.AsMemory(i * size, size), TestContext.Current.CancellationToken);
        }

        Assert.Equal(all, await receiving);
    }

    [Fact]
    public async Task Who_writes_is_never_far_ahead_of_the_other_end()
    {
        const int Size = 64 * 1024 * 1024;
        // Without fixed sizes, the kernel lets its buffers grow to 10 MB. It uses twice what is set.
        const int KernelBuffer = 256 * 1024;
        const int Lead = 4 * KernelBuffer + 2 * 1024 * 1024;
        (_near.SendBufferSize, _far.ReceiveBufferSize) = (KernelBuffer, KernelBuffer);
        await using var stream = new GatheredStream(_near);
        var piece = new byte[16 * 1024];
        long written = 0;
        var writing = Task.Run(
            async () =>
            {
                for (; written < Size; Interlocked.Add(ref written, piece.Length))
                {
                    await stream.WriteAsync(piece, TestContext.Current.CancellationToken);
                }
            },
            TestContext.Current.CancellationToken);

        for (long received = 0; received < Size;)
        {
            received += await _far.ReceiveAsync(new byte[4096], TestContext.Current.CancellationToken);
            Assert.InRange(Interlocked.Read(ref written) - received, long.MinValue, Lead);
        }

        await writing;
    }

    [Fact]
    public async Task What_waits_at_the_end_is_sent()
    {
        var receiving = ReceiveAsync(int.MaxValue);
        await using (var stream = new GatheredStream(_near))
        {
            await stream.WriteAsync(new byte[50_000], TestContext.Current.CancellationToken);
        }

        _near.Shutdown(SocketShutdown.Send);
        Assert.Equal(50_000, (await receiving).Length);
    }

    [Fact]
    public async Task A_connection_that_is_lost_fails_the_writes()
    {
        await using var stream = new GatheredStream(_near);
        _far.Close(timeout: 0);

        await Assert.ThrowsAsync<IOException>(async () =>
        {
            while (true)
            {
                await stream.WriteAsync(new byte[1000], TestContext.Current.CancellationToken);
            }
        });
    }

    [Fact]
    public async Task Nothing_overtakes_what_waits()
    {
        await using var stream = new GatheredStream(_near);

        Assert.Throws<NotSupportedException>(() => stream.Write([1]));
        Assert.Throws<NotSupportedException>(() => stream.Write([1], 0, 1));
        Assert.Throws<NotSupportedException>(() => stream.BeginWrite([1], 0, 1, callback: null, state: null));
    }

    private async Task<byte[]> ReceiveAsync(int count)
    {
        using var received = new MemoryStream();
        var piece = new byte[64 * 1024];
        while (received.Length < count)
        {
            var size = await _far.ReceiveAsync(piece, TestContext.Current.CancellationToken);
            if (size == 0)
            {
                break;
            }

            received.Write(piece.AsSpan(0, size));
        }

        return received.ToArray();
    }
}
