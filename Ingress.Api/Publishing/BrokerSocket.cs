using System.IO.Pipelines;
using System.Net.Sockets;
using RabbitMQ.Client;

namespace Ingress.Api.Publishing;

/// <summary>
/// The connection's socket. The broker's client writes each message by a call of its own; here those that are written close together leave
/// in one, and wake the broker once.
/// </summary>
internal sealed class BrokerSocket(Socket socket) : TcpClientAdapter(socket)
{
    public static ITcpClient Create(AddressFamily family) => new BrokerSocket(ConnectionFactoryBase.DefaultSocketFactory(family).Client);

    public override NetworkStream GetStream() => new GatheredStream(Client);
}

/// <summary>
/// A stream whose writes wait in a pipe until a thread of the pool is free to send them: while requests keep all threads busy, many wait,
/// and otherwise none. What is confirmed was sent, so nobody has been told of a message that is still here.
/// </summary>
internal sealed class GatheredStream : NetworkStream
{
    // For what waits when the connection is closed: an end that does not read is not waited for.
    private static readonly TimeSpan TimeToEnd = TimeSpan.FromSeconds(1);

    // Some 60 messages leave together, and with as many waiting whoever writes waits too.
    private static readonly PipeOptions Options = new(
        minimumSegmentSize: 64 * 1024, pauseWriterThreshold: 64 * 1024, resumeWriterThreshold: 32 * 1024, useSynchronizationContext: false);

    private readonly Pipe _written = new(Options);
    private readonly Task _sending;

    public GatheredStream(Socket socket)
        : base(socket) => _sending = SendAsync();

    /// <exception cref="IOException">A write before this one could not be sent.</exception>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        await _written.Writer.WriteAsync(buffer, cancellationToken);

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <exception cref="NotSupportedException">Always: it would overtake what waits. Neither the client nor TLS does it.</exception>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc cref="Write(byte[],int,int)"/>
    public override void Write(ReadOnlySpan<byte> buffer) => throw new NotSupportedException();

    /// <inheritdoc cref="Write(byte[],int,int)"/>
    public override IAsyncResult BeginWrite(byte[] buffer, int offset, int count, AsyncCallback? callback, object? state) =>
        throw new NotSupportedException();

    /// <summary>Sends what waits, unless the other end does not take it.</summary>
    public override async ValueTask DisposeAsync()
    {
        await _written.Writer.CompleteAsync();
        await _sending.WaitAsync(TimeToEnd).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await base.DisposeAsync();
    }

    private async Task SendAsync()
    {
        try
        {
            ReadResult waiting;
            do
            {
                waiting = await _written.Reader.ReadAsync();
                foreach (var piece in waiting.Buffer)
                {
                    await base.WriteAsync(piece);
                }

                _written.Reader.AdvanceTo(waiting.Buffer.End);
            }
            while (!waiting.IsCompleted);

            await _written.Reader.CompleteAsync();
        }
        catch (Exception exception)
        {
            // Thrown to whoever writes next.
            await _written.Reader.CompleteAsync(exception);
        }
    }
}
