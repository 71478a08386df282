using System.Buffers;
using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Platform.Benchmarks.Contestants;

/// <summary>
/// No contestant itself, but where a service's telemetry goes: takes OTLP over gRPC as a collector does, and only counts it, so that
/// receiving costs the machine as little as possible.
/// </summary>
internal static class CollectorContestant
{
    // A request is counted in one piece.
    private const int MaxRequestBytes = 8 * 1024 * 1024;

    // Not compressed, and no bytes: "everything was taken".
    private static readonly byte[] EmptyMessage = new byte[5];

    private static long _requests;
    private static long _spans;

    public static async Task<int> RunAsync(ContestantOptions options, CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(options.Url).ConfigureKestrel(kestrel =>
        {
            // gRPC without TLS is HTTP/2 from the first byte.
            kestrel.ConfigureEndpointDefaults(endpoint => endpoint.Protocols = HttpProtocols.Http2);
            kestrel.Limits.Http2.InitialConnectionWindowSize = kestrel.Limits.Http2.InitialStreamWindowSize = MaxRequestBytes;
        });
        await using var app = builder.Build();
        app.MapPost("/opentelemetry.proto.collector.trace.v1.TraceService/Export", http => TakeAsync(http, isOfSpans: true));
        app.MapPost("/{service}/Export", http => TakeAsync(http, isOfSpans: false));
        app.MapGet("/", http => http.Response.WriteAsJsonAsync(new Collected(Volatile.Read(ref _requests), Volatile.Read(ref _spans))));
        await app.StartAsync(cancellationToken);
        Announcement.Ready();
        await app.WaitForShutdownAsync(cancellationToken);
        return 0;
    }

    /// <summary>Asks a collector what it has taken.</summary>
    public static async Task<Collected> ReadAsync(int port, CancellationToken cancellationToken)
    {
        using var http = new HttpClient { DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };
        return (await http.GetFromJsonAsync<Collected>($"http://127.0.0.1:{port}/", cancellationToken))!;
    }

    private static async Task TakeAsync(HttpContext http, bool isOfSpans)
    {
        var reader = http.Request.BodyReader;
        var read = await reader.ReadAsync(http.RequestAborted);
        while (!read.IsCompleted)
        {
            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            read = await reader.ReadAsync(http.RequestAborted);
        }

        Interlocked.Increment(ref _requests);
        // Before the message stand whether it is compressed and how long it is.
        Interlocked.Add(ref _spans, isOfSpans ? SpanCount.Of(read.Buffer.Slice(EmptyMessage.Length).ToArray()) : 0);
        reader.AdvanceTo(read.Buffer.End);
        http.Response.ContentType = "application/grpc";
        http.Response.AppendTrailer("grpc-status", "0");
        await http.Response.Body.WriteAsync(EmptyMessage, http.RequestAborted);
    }
}

/// <summary>What a collector has taken.</summary>
/// <param name="Requests">Of every signal.</param>
internal sealed record Collected(long Requests, long Spans);
