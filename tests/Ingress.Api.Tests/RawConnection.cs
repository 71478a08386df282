using System.Net.Sockets;
using System.Text;

namespace Ingress.Api.Tests;

/// <summary>A connection that sends exactly the given bytes: what no well-behaved client can be made to send.</summary>
internal sealed class RawConnection : IDisposable
{
    private readonly TcpClient _client = new();

    public static async Task<RawConnection> OpenAsync(Uri address)
    {
        var connection = new RawConnection();
        await connection._client.ConnectAsync(address.Host, address.Port, TestContext.Current.CancellationToken);
        return connection;
    }

    /// <summary>Sends a text, as far as the server takes it.</summary>
    public async Task SendAsync(string text)
    {
        try
        {
            await _client.GetStream().WriteAsync(Encoding.UTF8.GetBytes(text), TestContext.Current.CancellationToken);
        }
        catch (IOException)
        {
            // It has answered and closed before the end.
        }
    }

    /// <summary>Everything that the server says until it closes the connection.</summary>
    public async Task<string> ReadToEndAsync()
    {
        var said = new MemoryStream();
        try
        {
            await _client.GetStream().CopyToAsync(said, TestContext.Current.CancellationToken);
        }
        catch (IOException)
        {
            // Closed while we were still sending.
        }

        return Encoding.UTF8.GetString(said.ToArray());
    }

    /// <summary>What the server says up to the end of the headers.</summary>
    public async Task<string> ReadHeadersAsync()
    {
        using var reader = new StreamReader(_client.GetStream(), leaveOpen: true);
        var headers = new StringBuilder();
        while (await reader.ReadLineAsync(TestContext.Current.CancellationToken) is { Length: > 0 } line)
        {
            headers.AppendLine(line);
        }

        return headers.ToString();
    }

    public void Dispose() => _client.Dispose();
}
