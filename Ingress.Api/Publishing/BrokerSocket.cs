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
    public static ITcpClient Create(AddressFamily family) =>
        new BrokerSocket(new Socket(family, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true });

    public override NetworkStream GetStream() => new GatheredStream(Client);
}

/// <summary>
/// A stream whose writes wait in a pipe until a thread of the pool comes to send them: no longer than it takes others that are ready to run.
/// A send that fails fails the writes after it. What is confirmed was sent, so nobody is told of a message that is still here.
/// </summary>
internal sealed class GatheredStream : NetworkStream
{
    // Some 60 messages.
    private static readonly PipeOptions Options = new(minimumSegmentSize: 64 * 1024, useSynchronizationContext: false);

    private readonly Pipe _written = new(Options);

    public GatheredStream(Socket socket)
        : base(socket) => _ = SendAsync();

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        await _written.Writer.WriteAsync(buffer, cancellationToken);

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <exception cref="NotSupportedException">Always: it would overtake what waits. Neither the client nor TLS does it.</exception>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc cref="Write(byte[],int,int)"/>
    public override void Write(ReadOnlySpan<byte> buffer) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _written.Writer.Complete();
        }

        base.Dispose(disposing);
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
            await _written.Reader.CompleteAsync(exception);
        }
    }
}
