using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Platform.DevStack;

namespace Platform.IntegrationTests;

/// <summary>A collector that receives the services' OTLP exports (http/protobuf).</summary>
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

    /// <summary>The settings that make a service export to this collector.</summary>
    public IReadOnlyDictionary<string, string?> Settings { get; }

    public IReadOnlyCollection<Span> Spans => _spans;

    /// <summary>Everything received, as far as it is text.</summary>
    public string Everything => string.Join('\n', _requests.Select(Encoding.UTF8.GetString));

    /// <summary>The spans of a trace by name, each with its parent: empty for the root and for a span whose parent is missing.</summary>
    public IReadOnlyList<(string Name, string Parent)> ReadTree(string traceId) => ReadTree(traceId, (_, _) => true);

    /// <summary>The same of the spans at and below one, without those whose parent was never exported.</summary>
    public IReadOnlyList<(string Name, string Parent)> ReadTreeBelow(string root, string traceId)
    {
        bool IsBelow(Span span, Dictionary<string, Span> trace) =>
            span.Name == root || (trace.TryGetValue(span.ParentId, out var parent) && IsBelow(parent, trace));
        return ReadTree(traceId, IsBelow);
    }

    /// <summary>Waits until the received spans match the expected ones.</summary>
    public Task UntilAsync(string what, Func<IReadOnlyCollection<Span>, bool> isTrue) =>
        Waiting.UntilAsync($"{what}; there are: {string.Join(", ", _spans.CountBy(span => span.Name))}", () => Task.FromResult(isTrue(_spans)), TestPlatform.Cancel);

    public async ValueTask DisposeAsync()
    {
        _http.Abort();
        await _serving;
    }

    private IReadOnlyList<(string Name, string Parent)> ReadTree(string traceId, Func<Span, Dictionary<string, Span>, bool> isPart)
    {
        var trace = _spans.Where(span => span.TraceId == traceId).ToDictionary(span => span.Id);
        return
        [
            .. trace.Values.Where(span => isPart(span, trace)).OrderBy(span => span.Name, StringComparer.Ordinal)
                .Select(span => (span.Name, trace.TryGetValue(span.ParentId, out var parent) ? parent.Name : "")),
        ];
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
                    _spans.Enqueue(Span.From(service, span));
                }
            }
        }
    }
}

/// <summary>An exported span; ids in hex.</summary>
internal sealed record Span(
    string Service, string TraceId, string Id, string ParentId, string Name, Dictionary<string, string> Attributes, (string TraceId, string SpanId)[] Links)
{
    public static Span From(string service, OtlpMessage span) => new(
        service, span.Hex(1), span.Hex(2), span.Hex(4), span.Text(5), span.Attributes(9),
        [.. span.Messages(13).Select(link => (link.Hex(1), link.Hex(2)))]);
}
