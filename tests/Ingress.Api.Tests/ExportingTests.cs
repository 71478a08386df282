using System.Net;
using System.Net.Sockets;

namespace Ingress.Api.Tests;

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
            .AsTask().WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        using var reader = new StreamReader(export.GetStream());

        Assert.Equal("POST /only-metrics HTTP/1.1", await reader.ReadLineAsync(TestContext.Current.CancellationToken));
    }
}
