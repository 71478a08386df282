using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Platform.LocalStack;

namespace Platform.IntegrationTests;

/// <summary>Takes what services export by OTLP (http/protobuf), as a collector does.</summary>
internal sealed class Collector : IAsyncDisposable
{
    private readonly HttpListener _http = new();
    private readonly Task _serving;
    private readonly ConcurrentQueue<byte[]> _requests = new();
    private readonly ConcurrentQueue<Span> _spans = new();

    public Collector()
    {
        var endpoint = $"http://127.0.0.1:{Machine.FreePort()}/";
        _http.Prefixes.Add(endpoint);
        _http.Start();
        _serving = ServeAsync();
        Settings = new Dictionary<string, string?>
        {
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint,
            ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
            ["OTEL_BSP_SCHEDULE_DELAY"] = "100",
            ["OTEL_BLRP_SCHEDULE_DELAY"] = "100",
            ["OTEL_METRIC_EXPORT_INTERVAL"] = "500",
        };
    }

    /// <summary>What makes a service export here.</summary>
    public IReadOnlyDictionary<string, string?> Settings { get; }

    public IReadOnlyCollection<Span> Spans => _spans;

    /// <summary>Everything that was received, as text as far as it is text.</summary>
    public string Everything => string.Join('\n', _requests.Select(Encoding.UTF8.GetString));

    /// <summary>The spans of a trace by name, each with what it belongs to: nothing for its root, and for one whose parent is missing.</summary>
    public IReadOnlyList<(string Name, string Parent)> ReadTree(string traceId)
    {
        var trace = _spans.Where(span => span.TraceId == traceId).ToDictionary(span => span.Id);
        return
        [
            .. trace.Values.OrderBy(span => span.Name, StringComparer.Ordinal)
                .Select(span => (span.Name, trace.TryGetValue(span.ParentId, out var parent) ? parent.Name : "")),
        ];
    }

    /// <summary>Waits until the spans that were received are as expected.</summary>
    public Task UntilAsync(string what, Func<IReadOnlyCollection<Span>, bool> isTrue) =>
        Waiting.UntilAsync($"{what}; there are: {string.Join(", ", _spans.CountBy(span => span.Name))}", () => Task.FromResult(isTrue(_spans)), TestPlatform.Cancel);

    public async ValueTask DisposeAsync()
    {
        _http.Abort();
        await _serving;
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            try
            {
                var exchange = await _http.GetContextAsync();
                using var body = new MemoryStream();
                await exchange.Request.InputStream.CopyToAsync(body);
                Take(exchange.Request.Url!.AbsolutePath, body.ToArray());
                exchange.Response.ContentType = "application/x-protobuf";
                exchange.Response.Close();
            }
            catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private void Take(string path, byte[] request)
    {
        _requests.Enqueue(request);
        if (path == "/v1/traces")
        {
            foreach (var resource in new OtlpMessage(request).Messages(1))
            {
                var service = resource.Messages(1).Single().Attributes(1)["service.name"];
                foreach (var span in resource.Messages(2).SelectMany(scope => scope.Messages(2)))
                {
                    _spans.Enqueue(Span.Of(service, span));
                }
            }
        }
    }
}

/// <summary>A span as it was exported; ids in hex.</summary>
internal sealed record Span(
    string Service, string TraceId, string Id, string ParentId, string Name, Dictionary<string, string> Attributes, (string TraceId, string SpanId)[] Links)
{
    public static Span Of(string service, OtlpMessage span) => new(
        service, span.Hex(1), span.Hex(2), span.Hex(4), span.Text(5), span.Attributes(9),
        [.. span.Messages(13).Select(link => (link.Hex(1), link.Hex(2)))]);
}
