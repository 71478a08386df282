using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using Platform.Simulator.MagicHour;

namespace Platform.Faults;

/// <summary>Sends one ingress requests that the sender never would.</summary>
/// <param name="from">The source address; null for the default one.</param>
internal sealed class Wire(Uri url, string secret, CancellationToken cancellationToken, IPAddress? from = null) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        RequestHeaderEncodingSelector = (_, _) => Encoding.Latin1,
        ConnectCallback = (connection, token) => ConnectAsync(connection.DnsEndPoint, from, token),
    })
    {
        Timeout = Patience,
    };

    /// <summary>Posts a body that is validly signed unless changed.</summary>
    /// <param name="age">Age of the signature.</param>
    public async Task<Answer> PostAsync(byte[] body, TimeSpan age = default, Action<HttpRequestMessage>? change = null)
    {
        var timestamp = Signing.Timestamp(TimeProvider.System.GetUtcNow() - age);
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(url, "webhook")) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Add(Signing.TimestampHeader, timestamp);
        request.Headers.Add(Signing.SignatureHeader, Signing.Sign(secret, timestamp, body));
        change?.Invoke(request);
        return await SendAsync(request);
    }

    public Task<Answer> PostAsync(string body, TimeSpan age = default, Action<HttpRequestMessage>? change = null) =>
        PostAsync(Encoding.UTF8.GetBytes(body), age, change);

    public async Task<Answer> SendAsync(HttpRequestMessage request)
    {
        using var response = await _http.SendAsync(request, cancellationToken);
        return new Answer((int)response.StatusCode, await response.Content.ReadAsStringAsync(cancellationToken));
    }

    /// <summary>The header lines that sign a body, for a hand-written request.</summary>
    public string SignatureLines(byte[] body)
    {
        var timestamp = Signing.Timestamp(TimeProvider.System.GetUtcNow());
        return $"Host: {url.Authority}\r\nContent-Type: application/json\r\n{Signing.TimestampHeader}: {timestamp}\r\n"
            + $"{Signing.SignatureHeader}: {Signing.Sign(secret, timestamp, body)}\r\n";
    }

    /// <summary>Writes the pieces to a new connection and reads until the server closes it.</summary>
    /// <returns>The status of the first answer; 0 when the connection was closed without one.</returns>
    public async Task<(int Status, TimeSpan Duration)> RawAsync(IEnumerable<string> pieces, TimeSpan between = default)
    {
        var began = Stopwatch.GetTimestamp();
        using var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(url.Host, url.Port, cancellationToken);
        await using var stream = client.GetStream();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(Patience);
        var reading = ReadStatusAsync(stream, patience.Token);
        try
        {
            foreach (var piece in pieces.TakeWhile(_ => !reading.IsCompleted))
            {
                await stream.WriteAsync(Encoding.Latin1.GetBytes(piece), patience.Token);
                await Task.WhenAny(reading, Task.Delay(between, patience.Token));
            }
        }
        catch (IOException)
        {
            // Refused before everything was written; the answer may have arrived regardless.
        }

        return (await reading, Stopwatch.GetElapsedTime(began));
    }

    public void Dispose() => _http.Dispose();

    private static async ValueTask<Stream> ConnectAsync(DnsEndPoint to, IPAddress? from, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (from is not null)
        {
            socket.Bind(new IPEndPoint(from, 0));
        }

        await socket.ConnectAsync(to, cancellationToken);
        return new NetworkStream(socket, ownsSocket: true);
    }

    private static async Task<int> ReadStatusAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        var answer = new StringBuilder();
        var buffer = new byte[4096];
        try
        {
            while (await stream.ReadAsync(buffer, cancellationToken) is var count and > 0)
            {
                answer.Append(Encoding.Latin1.GetString(buffer, 0, count));
                if (answer.ToString().Contains("\r\n", StringComparison.Ordinal))
                {
                    break;
                }
            }
        }
        catch (IOException)
        {
            // The server reset the connection instead of closing it.
        }

        return answer.ToString().Split(' ') is [_, var status, ..] && int.TryParse(status, out var code) ? code : 0;
    }
}

internal sealed record Answer(int Status, string Body);
