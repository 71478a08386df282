using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Platform.ServiceDefaults.Telemetry;

namespace Ingress.Api.Tests;

/// <summary>
/// Text from strangers' requests reaches spans, logs and labels only truncated or not at all, and a slow collector does not let it fill the
/// memory. Not run in parallel: activity sources are process-wide.
/// </summary>
[Collection(typeof(DroppedTelemetryTests))]
public sealed class StrangersTextTests
{
    private const int Attempts = 20_000;
    private const string Piece = "abcdefgh";

    private static readonly ActivitySource Source = new(IngressTraces.SourceName);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("TRACES")]
    [InlineData("LOGS")]
    public async Task A_collector_that_never_answers_does_not_let_memory_grow(string signal)
    {
        using var collector = new TcpListener(IPAddress.Loopback, 0);
        collector.Start();
        await using var app = await ExportingApp.StartAsync(signal, ("OTEL_EXPORTER_OTLP_ENDPOINT", $"http://{collector.LocalEndpoint}"));
        var logger = app.Services.GetRequiredService<ILogger<StrangersTextTests>>();
        Activity.Current = null;
        var before = GC.GetTotalMemory(forceFullCollection: true);

        for (var i = 0; i < Attempts; i++)
        {
            // Each request has a header of 8 KiB: over 300 MiB in total, and a pod has 384.
            using var span = Source.StartActivity("POST /webhook")?.SetTag("user_agent.original", new string('x', 8192)).SetTag("server.address", new string('y', 8192));
            // Logged as a field, not in the line, because a test keeps all lines.
            KeyValuePair<string, object?>[] fields = [new("UserAgent", new string('z', 16_384))];
            logger.Log(LogLevel.Warning, default, fields, exception: null, static (_, _) => "Refused.");
        }

        var retained = GC.GetTotalMemory(forceFullCollection: true) - before;

        // The limit of ExportRoom, plus the current batch and leftovers of other tests, which may also go meanwhile.
        Assert.InRange(retained, long.MinValue, OtlpSettings.MinQueueSize * (long)ExportRoom.PlaceBytes + 16 * 1024 * 1024);
    }

    [Fact]
    public async Task A_span_has_little_of_a_request_and_neither_its_query_nor_its_tracestate_and_baggage()
    {
        await using var collector = new OtlpCollector();
        await using var app = new IngressApp(
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", collector.Endpoint), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"), ("OTEL_BSP_SCHEDULE_DELAY", "50"));
        using var connection = await RawConnection.OpenAsync(app.Address);

        await connection.SendAsync(
            $"POST /webhook?marked-key=marked-value HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: {string.Concat(Enumerable.Repeat(Piece, 1000))}\r\n"
            + "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\ntracestate: marked=state\r\nbaggage: marked=baggage\r\n"
            + "Content-Length: 0\r\nConnection: close\r\n\r\n");
        await connection.ReadToEndAsync();
        var exported = await collector.ReceiveAsync();

        Assert.Contains("user_agent.original", exported.Text, StringComparison.Ordinal);
        Assert.Equal(1024 / Piece.Length, exported.Text.Split(Piece).Length - 1);
        Assert.DoesNotContain("marked", exported.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_operators_own_limit_wins()
    {
        await using var collector = new OtlpCollector();
        await using var app = await ExportingApp.StartAsync(
            "TRACES", ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Endpoint), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "2000"), ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "80"));
        Activity.Current = null;

        Source.StartActivity("made")!.SetTag("text", string.Concat(Enumerable.Repeat(Piece, 1000))).Stop();
        var exported = await collector.ReceiveAsync();

        Assert.Equal(80 / Piece.Length, exported.Text.Split(Piece).Length - 1);
        Environment.SetEnvironmentVariable("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", null);
        Environment.SetEnvironmentVariable("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", null);
    }

    [Fact]
    public async Task Nothing_of_a_request_becomes_a_label_or_more_than_a_short_line_of_the_log()
    {
        await using var app = new IngressApp();
        const string marker = "marked";
        var much = string.Concat(Enumerable.Repeat(marker, 1000));
        string[] requests =
        [
            $"MARKED{much[..60]} /webhook HTTP/1.1\r\nHost: 127.0.0.1\r\n",
            $"GET /{much} HTTP/1.1\r\nHost: 127.0.0.1\r\n",
            $"POST /webhook?{much}=1 HTTP/1.1\r\nHost: {marker}.example\r\nUser-Agent: {much}\r\nContent-Type: {marker}/{much}\r\nContent-Length: 0\r\n",
            $"POST /webhook HTTP/1.1\r\nHost: 127.0.0.1\r\nX-{much}: {much}\r\nContent-Type: application/json\r\nContent-Length: 0\r\n"
            + $"magic-hour-event-timestamp: {much}\r\nmagic-hour-event-signature: {much}\r\n",
            $"POST /webhook HTTP/{marker}\r\nHost: 127.0.0.1\r\n",
            $"POST {marker} HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        ];

        foreach (var request in requests)
        {
            using var connection = await RawConnection.OpenAsync(app.Address);
            await connection.SendAsync($"{request}Connection: close\r\n\r\n");
            await connection.ReadToEndAsync();
        }

        await app.UntilLoggedAsync("Rejected ");
        using var client = app.CreateClient();

        Assert.DoesNotContain(marker, await client.GetStringAsync(new Uri("/metrics", UriKind.Relative), Cancel), StringComparison.OrdinalIgnoreCase);
        Assert.All(app.Log.Lines.Where(line => !line.StartsWith("Debug", StringComparison.Ordinal) && !line.StartsWith("Trace", StringComparison.Ordinal)), line =>
        {
            Assert.InRange(line.Split(marker).Length, 0, 200);
            Assert.InRange(line.Length, 0, 1500);
        });
    }
}
