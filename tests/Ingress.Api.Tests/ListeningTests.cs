using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Platform.DevStack;

namespace Ingress.Api.Tests;

/// <summary>The service as a process: the addresses it listens on, and its message when it cannot.</summary>
public sealed class ListeningTests
{
    private const string Broker = "ConnectionStrings__RabbitMq=amqp://user:hush@localhost/";
    private const string Secret = "MagicHour__WebhookSecrets__0=a-secret";

    [Theory]
    [InlineData("ASPNETCORE_URLS=http://{0}")]
    [InlineData("Kestrel__Endpoints__Http__Url=http://{0}")]
    public async Task An_address_in_use_is_named_in_one_line(string setting)
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();

        var result = await RunAsync(Broker, Secret, string.Format(CultureInfo.InvariantCulture, setting, other.LocalEndpoint));

        Assert.Equal((1, $"ingress-api: cannot listen on http://{other.LocalEndpoint}: Address already in use\n"), (result.ExitCode, result.Error));
        Assert.Empty(result.Output);
    }

    [Theory]
    [InlineData("ingress-api: 'nonsense' is not an address to listen on, such as http://*:8080\n", "ASPNETCORE_URLS=nonsense")]
    [InlineData("ingress-api: cannot listen on http://192.0.2.1:0: Cannot assign requested address\n", "ASPNETCORE_URLS=http://192.0.2.1:0")]
    [InlineData("ingress-api ended unexpectedly: InvalidOperationException: ", "Logging__LogLevel__Default=Loud", "ASPNETCORE_URLS=http://127.0.0.1:0")]
    public async Task What_prevents_the_start_is_described_without_a_stack_trace(string description, params string[] settings)
    {
        var result = await RunAsync([Broker, Secret, .. settings]);

        Assert.Equal(1, result.ExitCode);
        Assert.StartsWith(description, result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", result.Error + result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Telemetry_reaches_a_collector_of_this_machine_although_the_environment_names_a_proxy()
    {
        using var collector = new TcpListener(IPAddress.Loopback, 0);
        collector.Start();
        var log = Path.GetTempFileName();
        var assembly = Services.IngressAssembly;
        var ingress = Daemon.Start(
            "ingress", log, "env",
            [
                Broker, Secret, "http_proxy=http://127.0.0.1:9", $"OTEL_EXPORTER_OTLP_ENDPOINT=http://{collector.LocalEndpoint}",
                "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_METRIC_EXPORT_INTERVAL=50", "ASPNETCORE_URLS=http://127.0.0.1:0", "dotnet", assembly,
            ],
            environment: null, Path.GetDirectoryName(assembly));
        try
        {
            using var export = await collector.AcceptTcpClientAsync(TestContext.Current.CancellationToken)
                .AsTask().WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
        }
        finally
        {
            await ingress.StopAsync(CancellationToken.None);
            File.Delete(log);
        }
    }

    /// <summary>Runs the service until it exits.</summary>
    internal static Task<ProgramResult> RunAsync(params string[] settings)
    {
        var assembly = Services.IngressAssembly;
        return Machine.RunAsync(
            "env",
            ["-u", "OTEL_EXPORTER_OTLP_ENDPOINT", .. settings, "dotnet", assembly],
            TestContext.Current.CancellationToken,
            Path.GetDirectoryName(assembly));
    }
}
