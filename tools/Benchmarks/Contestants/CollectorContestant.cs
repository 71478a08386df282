using System.Buffers;
using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Platform.DevStack;

namespace Platform.Benchmarks.Contestants;

/// <summary>
/// Not a contestant but the receiver of a service's telemetry: accepts OTLP over gRPC like a collector and only counts it, so that
/// receiving costs as little as possible.
/// </summary>
internal static class CollectorContestant
{
    private const string CountsPath = "/counts";

    // A request is buffered whole before it is counted.
    private const int MaxRequestBytes = 8 * 1024 * 1024;

    // An uncompressed empty message: everything was accepted.
    private static readonly byte[] EmptyMessage = new byte[5];

    private static long _requests;
    private static long _spans;

    public static async Task<int> RunAsync(ContestantOptions options, CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(options.Url).ConfigureKestrel(kestrel =>
        {
            // gRPC without TLS needs HTTP/2 with prior knowledge.
            kestrel.ConfigureEndpointDefaults(endpoint => endpoint.Protocols = HttpProtocols.Http2);
            kestrel.Limits.Http2.InitialConnectionWindowSize = kestrel.Limits.Http2.InitialStreamWindowSize = MaxRequestBytes;
        });
        await using var app = builder.Build();
        app.MapPost("/opentelemetry.proto.collector.trace.v1.TraceService/Export", http => TakeAsync(http, isOfSpans: true));
        app.MapPost("/{service}/Export", http => TakeAsync(http, isOfSpans: false));
        app.MapPost(CountsPath, http => http.Response.WriteAsJsonAsync(
            new Collected(Interlocked.Exchange(ref _requests, 0), Interlocked.Exchange(ref _spans, 0)), http.RequestAborted));
        await app.StartAsync(cancellationToken);
        Announcement.Ready();
        await app.WaitForShutdownAsync(cancellationToken);
        return 0;
    }

    /// <summary>Reads and resets a collector's counts.</summary>
    public static async Task<Collected> TakeCountsAsync(int port, CancellationToken cancellationToken)
    {
        using var http = new HttpClient { DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };
        using var counts = await http.PostAsync($"http://127.0.0.1:{port}{CountsPath}", content: null, cancellationToken);
        return (await counts.Content.ReadFromJsonAsync<Collected>(cancellationToken))!;
    }

    /// <param name="request">An <c>ExportTraceServiceRequest</c>: resources contain scopes, and scopes contain spans.</param>
    public static int CountSpans(OtlpMessage request) =>
        request.Messages(1).SelectMany(resource => resource.Messages(2)).Sum(scope => scope.Count(2));

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
        // The message follows a compression flag and its length.
        Interlocked.Add(ref _spans, isOfSpans ? CountSpans(new OtlpMessage(read.Buffer.Slice(EmptyMessage.Length).ToArray())) : 0);
        reader.AdvanceTo(read.Buffer.End);
        http.Response.ContentType = "application/grpc";
        http.Response.AppendTrailer("grpc-status", "0");
        await http.Response.Body.WriteAsync(EmptyMessage, http.RequestAborted);
    }
}

/// <summary>The counts of a collector.</summary>
/// <param name="Requests">Requests of all signals.</param>
internal sealed record Collected(long Requests, long Spans);
