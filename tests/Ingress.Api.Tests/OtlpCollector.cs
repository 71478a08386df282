using System.Net;
using System.Text;
using System.Threading.Channels;
using Platform.DevStack;

namespace Ingress.Api.Tests;

/// <summary>A collector for OTLP over HTTP that answers every request with one status, one request at a time.</summary>
internal sealed class OtlpCollector : IAsyncDisposable
{
    private readonly HttpListener _http = new();
    private readonly CancellationTokenSource _disposed = new();
    private readonly Channel<OtlpRequest> _requests = Channel.CreateUnbounded<OtlpRequest>();
    private readonly HttpStatusCode _status;
    private readonly Task _answering;
    private readonly Task _serving;

    /// <param name="status">The status of every answer.</param>
    /// <param name="answering">No request is answered until this task has completed.</param>
    public OtlpCollector(HttpStatusCode status = HttpStatusCode.OK, Task? answering = null)
    {
        (_status, _answering) = (status, answering ?? Task.CompletedTask);
        Endpoint = $"http://127.0.0.1:{Machine.FreePort()}/";
        _http.Prefixes.Add(Endpoint);
        _http.Start();
        _serving = ServeAsync();
    }

    public string Endpoint { get; }

    /// <summary>The next request received.</summary>
    public async Task<OtlpRequest> ReceiveAsync() =>
        await _requests.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(TimeSpan.FromMinutes(3), TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _disposed.CancelAsync();
        _http.Abort();
        await _serving;
        _disposed.Dispose();
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                var exchange = await _http.GetContextAsync();
                using var body = new MemoryStream();
                await exchange.Request.InputStream.CopyToAsync(body);
                _requests.Writer.TryWrite(new OtlpRequest(
                    exchange.Request.Url!.AbsolutePath, exchange.Request.Headers["x-key"], Encoding.UTF8.GetString(body.ToArray())));
                await _answering.WaitAsync(_disposed.Token);
                exchange.Response.StatusCode = (int)_status;
                exchange.Response.ContentType = "application/x-protobuf";
                exchange.Response.Close();
            }
        }
        catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException or OperationCanceledException)
        {
            // The collector has been disposed.
        }
    }
}

/// <param name="Key">The header <c>x-key</c>.</param>
/// <param name="Text">The body, as far as it is text.</param>
internal sealed record OtlpRequest(string Path, string? Key, string Text);
