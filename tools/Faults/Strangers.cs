using System.Net;
using System.Net.Sockets;
using System.Text;
using Platform.Simulator.MagicHour;

namespace Platform.Faults;

/// <summary>Connections that strangers hold open. Each sends its opening bytes and then nothing, and is reopened when the server closes it.</summary>
internal sealed class Strangers : IAsyncDisposable
{
    // As fast as the system accepts connections without delaying genuine requests in its backlog.
    private const int OpenedAtOnce = 64;

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _stop;
    private readonly SemaphoreSlim _opening = new(OpenedAtOnce);
    private readonly Task[] _holding;
    private int _held;
    private int _closed;

    /// <param name="opening">The bytes that each connection sends.</param>
    public Strangers(IPEndPoint to, int count, string opening, CancellationToken cancellationToken)
    {
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var bytes = Encoding.Latin1.GetBytes(opening);
        _holding = [.. Enumerable.Range(0, count).Select(_ => HoldAsync(to, bytes, _stop.Token))];
    }

    /// <summary>An incomplete request: the request line and one header.</summary>
    public static string Headers => "POST /webhook HTTP/1.1\r\nHost: ingress\r\n";

    /// <summary>The beginning of a body, with a well-formed signature.</summary>
    /// <param name="length">Bytes to send. The Content-Length announces a thousand more, which never arrive.</param>
    public static string Body(int length) =>
        $"{Headers}Content-Type: application/json\r\nContent-Length: {length + 1000}\r\n{Signing.TimestampHeader}: {Signing.Timestamp(TimeProvider.System.GetUtcNow())}\r\n"
        + $"{Signing.SignatureHeader}: {new string('0', 64)}\r\n\r\n{new string('x', length)}";

    /// <summary>Currently open connections.</summary>
    public int Held => Volatile.Read(ref _held);

    /// <summary>Connections that the server has closed so far.</summary>
    public int Closed => Volatile.Read(ref _closed);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_holding);
        _stop.Dispose();
        _opening.Dispose();
    }

    private async Task HoldAsync(IPEndPoint to, byte[] opening, CancellationToken cancellationToken)
    {
        // Returns to the constructor before the first connection is opened.
        await Task.Yield();
        try
        {
            while (true)
            {
                await HoldOnceAsync(to, opening, cancellationToken);
                Interlocked.Increment(ref _closed);
                await Task.Delay(Pause, cancellationToken);
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed of.
        }
    }

    private async Task HoldOnceAsync(IPEndPoint to, byte[] opening, CancellationToken cancellationToken)
    {
        using var socket = new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        var isHeld = false;
        try
        {
            await _opening.WaitAsync(cancellationToken);
            try
            {
                await socket.ConnectAsync(to, cancellationToken);
            }
            finally
            {
                _opening.Release();
            }

            isHeld = true;
            Interlocked.Increment(ref _held);
            await socket.SendAsync(opening, cancellationToken);
            var answer = new byte[256];
            while (await socket.ReceiveAsync(answer, cancellationToken) > 0)
            {
                // An answer such as 408.
            }
        }
        catch (SocketException)
        {
            // Closed while sending, or never accepted.
        }
        finally
        {
            Interlocked.Add(ref _held, isHeld ? -1 : 0);
        }
    }
}
