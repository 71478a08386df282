using System.IO.Pipelines;
using System.Net.Sockets;
using RabbitMQ.Client;

namespace Ingress.Api.Publishing;

/// <summary>
/// The connection's socket. The broker's client writes each message with a separate call; this stream combines messages written close
/// together into one send, which wakes the broker once.
/// </summary>
internal sealed class BrokerSocket(Socket socket) : TcpClientAdapter(socket)
{
    public static ITcpClient Create(AddressFamily family) => new BrokerSocket(ConnectionFactoryBase.DefaultSocketFactory(family).Client);

    public override NetworkStream GetStream() => new GatheredStream(Client);
}

/// <summary>
/// A stream whose writes wait in a pipe until a thread-pool thread is free to send them. Writes
/// accumulate while requests keep all threads busy; otherwise each is sent immediately. A message is
/// confirmed only after it has been sent, so no webhook is answered for a message still in the pipe.
/// </summary>
internal sealed class GatheredStream : NetworkStream
{
    // Time limit for flushing pending writes on close, in case the other end does not read.
    private static readonly TimeSpan TimeToEnd = TimeSpan.FromSeconds(1);

    // About 60 messages per send. When as many are pending, writers wait.
    private static readonly PipeOptions Options = new(
        minimumSegmentSize: 64 * 1024, pauseWriterThreshold: 64 * 1024, resumeWriterThreshold: 32 * 1024, useSynchronizationContext: false);

    private readonly Pipe _written = new(Options);
    private readonly Task _sending;

    public GatheredStream(Socket socket)
        : base(socket) => _sending = SendAsync();

    /// <exception cref="IOException">A previous write could not be sent.</exception>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        await _written.Writer.WriteAsync(buffer, cancellationToken);

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <exception cref="NotSupportedException">Always: a synchronous write would overtake pending ones. Neither the client nor TLS makes
    /// one.</exception>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc cref="Write(byte[],int,int)"/>
    public override void Write(ReadOnlySpan<byte> buffer) => throw new NotSupportedException();

    /// <inheritdoc cref="Write(byte[],int,int)"/>
    public override IAsyncResult BeginWrite(byte[] buffer, int offset, int count, AsyncCallback? callback, object? state) =>
        throw new NotSupportedException();

    /// <summary>Sends pending writes, unless the other end does not read.</summary>
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
            // The next writer gets the exception.
            await _written.Reader.CompleteAsync(exception);
        }
    }
}
