using System.Net;
using System.Net.Sockets;

namespace Platform.IntegrationTests;

/// <summary>Forwards connections from a listener to a server, which may be in another network namespace.</summary>
internal sealed class Relay : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly TcpListener _listener;
    private readonly Task _accepting;

    public Relay(TcpListener listener, Func<CancellationToken, Task<Socket>> connect)
    {
        _listener = listener;
        _accepting = AcceptAsync(connect);
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Listens on a free loopback port in the namespace of the calling thread.</summary>
    public static TcpListener Listen()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return listener;
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Dispose();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
    }

    private async Task AcceptAsync(Func<CancellationToken, Task<Socket>> connect)
    {
        while (true)
        {
            _ = PassAsync(await _listener.AcceptSocketAsync(_stopping.Token), connect);
        }
    }

    private async Task PassAsync(Socket accepted, Func<CancellationToken, Task<Socket>> connect)
    {
        await using var client = new NetworkStream(accepted, ownsSocket: true);
        try
        {
            await using var server = new NetworkStream(await connect(_stopping.Token), ownsSocket: true);
            await Task.WhenAny(client.CopyToAsync(server, _stopping.Token), server.CopyToAsync(client, _stopping.Token));
        }
        catch (Exception exception) when (exception is SocketException or OperationCanceledException)
        {
            // The client sees its connection closed.
        }
    }
}
