using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Platform.Benchmarks.Load;

/// <summary>One kept-alive HTTP/1.1 connection. It sends rendered requests and reads only the status and the end of each answer.</summary>
internal sealed class LoadConnection : IDisposable
{
    private readonly Socket _socket;
    private readonly byte[] _buffer = new byte[16 * 1024];
    private int _length;

    public LoadConnection(int port)
    {
        _socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        _socket.Connect(IPAddress.Loopback, port);
        _socket.Blocking = false;
    }

    public int Descriptor => (int)_socket.Handle;

    /// <summary>The request awaiting its answer; null when there is none.</summary>
    public int? Request { get; private set; }

    /// <summary>The start time of that request's latency.</summary>
    public long CountsFrom { get; private set; }

    public void Send(int request, ReadOnlySpan<byte> bytes, long countsFrom)
    {
        (Request, CountsFrom, _length) = (request, countsFrom, 0);
        // One request at a time fits into the socket's buffer.
        var sent = _socket.Send(bytes, SocketFlags.None, out var error);
        if (error is not SocketError.Success || sent != bytes.Length)
        {
            throw new LoadBrokenException(error);
        }
    }

    /// <summary>Reads the available data.</summary>
    /// <returns>The status once the answer is complete; otherwise null.</returns>
    /// <exception cref="LoadBrokenException">The server has closed the connection.</exception>
    public int? Receive()
    {
        var read = _socket.Receive(_buffer.AsSpan(_length), SocketFlags.None, out var error);
        if (error is SocketError.WouldBlock)
        {
            return null;
        }

        if (error is not SocketError.Success || read == 0)
        {
            throw new LoadBrokenException(error);
        }

        _length += read;
        if (!IsComplete(_buffer.AsSpan(0, _length)))
        {
            return null;
        }

        Request = null;
        return int.Parse(_buffer.AsSpan("HTTP/1.1 ".Length, 3), CultureInfo.InvariantCulture);
    }

    public void Dispose() => _socket.Dispose();

    private static bool IsComplete(ReadOnlySpan<byte> answer)
    {
        var head = answer.IndexOf("\r\n\r\n"u8);
        if (head < 0)
        {
            return false;
        }

        var length = answer[..head].IndexOf("\r\nContent-Length: "u8);
        if (length < 0)
        {
            return answer.EndsWith("\r\n0\r\n\r\n"u8);
        }

        var digits = answer[(length + "\r\nContent-Length: ".Length)..];
        return answer.Length == head + 4 + int.Parse(digits[..digits.IndexOf("\r\n"u8)], CultureInfo.InvariantCulture);
    }
}

/// <summary>The server closed a connection before answering.</summary>
internal sealed class LoadBrokenException(SocketError error) : Exception($"The server has closed the connection ({error}).");
