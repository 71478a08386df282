using System.Net;
using System.Net.Sockets;

namespace Platform.Faults;

/// <summary>
/// A connection between two programs that can be cut, or held at a chosen moment. It stops a process in an exact state so that it can be
/// killed there, without a test hook in the product.
/// </summary>
/// <param name="targets">Ports of the loopback interface; each connection goes round-robin to the next one that accepts it.</param>
internal sealed class Proxy(params int[] targets) : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _lock = new();
    private readonly List<Socket> _open = [];
    private Hold? _hold;
    private Task _accepting = Task.CompletedTask;
    private int _next;

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public Proxy Start()
    {
        _listener.Start();
        _accepting = AcceptAsync();
        return this;
    }

    /// <summary>
    /// From the first matching piece of data on, forwards nothing in this direction on any connection until <see cref="Release"/>.
    /// </summary>
    /// <param name="skip">Number of matching pieces to forward first.</param>
    /// <returns>Completes when something is held.</returns>
    public Task HoldAsync(Direction direction, Func<ReadOnlyMemory<byte>, bool> match, int skip = 0)
    {
        lock (_lock)
        {
            _hold = new Hold(direction, match, skip);
            return _hold.Begun.Task;
        }
    }

    /// <summary>Holds all data in a direction from now on.</summary>
    public Task HoldAsync(Direction direction) => HoldAsync(direction, _ => true);

    /// <summary>Forwards the held data and resumes.</summary>
    public void Release()
    {
        lock (_lock)
        {
            _hold?.Over.TrySetResult();
            _hold = null;
        }
    }

    /// <summary>Resets every open connection and discards the held data.</summary>
    public void Cut()
    {
        Socket[] open;
        lock (_lock)
        {
            open = [.. _open];
            _open.Clear();
        }

        foreach (var socket in open)
        {
            // With a linger time of zero the peer sees a reset.
            socket.Close(0);
        }

        Release();
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Stop();
        Cut();
        await _accepting;
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptSocketAsync(_stopping.Token);
                _ = ServeAsync(client);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Disposed of.
        }
    }

    private async Task ServeAsync(Socket client)
    {
        using var _ = client;
        using var server = await ConnectAsync();
        if (server is null)
        {
            client.Close(0);
            return;
        }

        client.NoDelay = server.NoDelay = true;
        lock (_lock)
        {
            _open.Add(client);
            _open.Add(server);
        }

        await Task.WhenAny(PumpAsync(client, server, Direction.ToServer), PumpAsync(server, client, Direction.ToClient));
    }

    private async Task<Socket?> ConnectAsync()
    {
        for (var attempt = 0; attempt < targets.Length; attempt++)
        {
            var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await server.ConnectAsync(IPAddress.Loopback, targets[Interlocked.Increment(ref _next) % targets.Length], _stopping.Token);
                return server;
            }
            catch (Exception exception) when (exception is SocketException or OperationCanceledException)
            {
                server.Dispose();
            }
        }

        return null;
    }

    private async Task PumpAsync(Socket from, Socket to, Direction direction)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer, _stopping.Token) is var count and > 0)
            {
                await HoldBackAsync(direction, buffer.AsMemory(0, count));
                for (var sent = 0; sent < count;)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, count - sent), _stopping.Token);
                }
            }
        }
        catch (Exception exception) when (exception is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // One end is closed, so the other is closed too.
        }
    }

    private Task HoldBackAsync(Direction direction, ReadOnlyMemory<byte> piece)
    {
        lock (_lock)
        {
            if (_hold is not { } hold || hold.Direction != direction)
            {
                return Task.CompletedTask;
            }

            if (!hold.Begun.Task.IsCompleted && (!hold.Match(piece) || hold.Skip-- > 0))
            {
                return Task.CompletedTask;
            }

            hold.Begun.TrySetResult();
            return hold.Over.Task.WaitAsync(_stopping.Token);
        }
    }

    private sealed class Hold(Direction direction, Func<ReadOnlyMemory<byte>, bool> match, int skip)
    {
        public Direction Direction => direction;

        public Func<ReadOnlyMemory<byte>, bool> Match => match;

        public int Skip { get; set; } = skip;

        public TaskCompletionSource Begun { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Over { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

/// <summary>The direction of data through a proxy.</summary>
internal enum Direction
{
    ToServer,
    ToClient,
}
