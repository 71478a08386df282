using System.Net.Sockets;
using System.Text;

namespace Ingress.Api.Tests;

/// <summary>A connection that sends exactly the given bytes, for requests that a well-behaved client cannot send.</summary>
internal sealed class RawConnection(TcpClient client) : IDisposable
{
    // A client whose connection was closed no longer returns its stream.
    private readonly NetworkStream _stream = client.GetStream();

    public static async Task<RawConnection> OpenAsync(Uri address)
    {
        var client = new TcpClient();
        await client.ConnectAsync(address.Host, address.Port, TestContext.Current.CancellationToken);
        return new RawConnection(client);
    }

    /// <summary>Sends a text, as far as the server accepts it.</summary>
    public Task SendAsync(string text) => SendAsync(text, Encoding.UTF8);

    /// <inheritdoc cref="SendAsync(string)"/>
    public async Task SendAsync(string text, Encoding encoding)
    {
        try
        {
            await _stream.WriteAsync(encoding.GetBytes(text), TestContext.Current.CancellationToken);
        }
        catch (IOException)
        {
            // The server answered and closed the connection before the end.
        }
    }

    /// <summary>Everything that the server sends until it closes the connection.</summary>
    public async Task<string> ReadToEndAsync()
    {
        var said = new MemoryStream();
        try
        {
            await _stream.CopyToAsync(said, TestContext.Current.CancellationToken);
        }
        catch (IOException)
        {
            // The connection was closed while the test was still sending.
        }

        return Encoding.UTF8.GetString(said.ToArray());
    }

    /// <summary>The response up to the end of its headers.</summary>
    public async Task<string> ReadHeadersAsync()
    {
        using var reader = new StreamReader(_stream, leaveOpen: true);
        var headers = new StringBuilder();
        while (await reader.ReadLineAsync(TestContext.Current.CancellationToken) is { Length: > 0 } line)
        {
            headers.AppendLine(line);
        }

        return headers.ToString();
    }

    public void Dispose() => client.Dispose();
}
