using System.Net;
using System.Net.Sockets;

namespace Ingress.Api.Tests;

/// <summary>
/// The exported signals and their targets. Not run in parallel: activity sources are
/// process-wide, so spans of other tests would be included.
/// </summary>
[Collection(typeof(DroppedTelemetryTests))]
public sealed class ExportingTests
{
    [Fact]
    public async Task An_endpoint_for_one_signal_is_enough()
    {
        using var collector = new TcpListener(IPAddress.Loopback, 0);
        collector.Start();
        await using var app = new IngressApp(
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", $"http://{collector.LocalEndpoint}/only-metrics"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "50"));

        using var export = await collector.AcceptTcpClientAsync(TestContext.Current.CancellationToken)
            .AsTask().WaitAsync(TimeSpan.FromMinutes(3), TestContext.Current.CancellationToken);
        using var reader = new StreamReader(export.GetStream());

        Assert.Equal("POST /only-metrics HTTP/1.1", await reader.ReadLineAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("TRACES")]
    [InlineData("METRICS")]
    [InlineData("LOGS")]
    public async Task Every_signal_is_exported_as_configured_and_not_by_the_environment_alone(string signal)
    {
        await using var collector = new OtlpCollector();
        await using var app = await ExportingApp.StartAsync(
            signal,
            ("otel_exporter_otlp_endpoint", collector.Endpoint),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=of all"),
            ($"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", "http/protobuf"),
            ($"OTEL_EXPORTER_OTLP_{signal}_HEADERS", "x-key=of one"),
            ("OTEL_SERVICE_NAME", "named-here"),
            ("OTEL_RESOURCE_ATTRIBUTES", "place=staging"));

        app.MakeTelemetry();
        var request = await collector.ReceiveAsync();

        Assert.Equal(($"/v1/{signal.ToLowerInvariant()}", "of one"), (request.Path, request.Key));
        Assert.Contains("named-here", request.Text, StringComparison.Ordinal);
        Assert.Contains("staging", request.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("TRACES")]
    [InlineData("METRICS")]
    [InlineData("LOGS")]
    public async Task What_is_set_for_all_signals_counts_for_each(string signal)
    {
        await using var collector = new OtlpCollector();
        await using var app = await ExportingApp.StartAsync(
            signal,
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Endpoint),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=of all"));

        app.MakeTelemetry();
        var request = await collector.ReceiveAsync();

        Assert.Equal(($"/v1/{signal.ToLowerInvariant()}", "of all"), (request.Path, request.Key));
    }
}
