using System.Net;
using System.Net.Sockets;
using Platform.DevStack;
using Platform.Simulator.MagicHour;

namespace Ingress.Api.Tests;

/// <summary>Probes and metrics on a separate listener.</summary>
public sealed class ManagementListenerTests
{
    private const string Broker = "ConnectionStrings__RabbitMq=amqp://user:hush@localhost/";
    private const string Secret = "MagicHour__WebhookSecrets__0=a-secret";

    private static readonly string[] Paths = ["/health", "/health/live", "/metrics"];

    private readonly int _port = Machine.FreePort();

    private Uri Management => new($"http://127.0.0.1:{_port}");

    [Fact]
    public async Task Probes_and_metrics_are_answered_while_strangers_hold_every_connection()
    {
        const int most = 5;
        await using var app = Start(("Ingress:MaxConnections", $"{most}"));
        var held = new List<RawConnection>();
        using var monitor = await RawConnection.OpenAsync(Management);
        await monitor.SendAsync("GET /health/live HTTP/1.1\r\nHost: ingress\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200 ", await monitor.ReadHeadersAsync(), StringComparison.Ordinal);

        for (var i = 0; i < 3 * most; i++)
        {
            held.Add(await RawConnection.OpenAsync(app.Address));
        }

        await app.UntilLoggedAsync("Closed ");
        // A connection opened earlier is not among the closed ones.
        await monitor.SendAsync("GET /metrics HTTP/1.1\r\nHost: ingress\r\nConnection: close\r\n\r\n");
        Assert.Contains("HTTP/1.1 200 ", await monitor.ReadToEndAsync(), StringComparison.Ordinal);
        using var client = new HttpClient { BaseAddress = Management };
        foreach (var path in Paths)
        {
            using var answer = await client.GetAsync(new Uri(path, UriKind.Relative), TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }

        held.ForEach(connection => connection.Dispose());
    }

    [Theory]
    [InlineData("POST", "/webhook")]
    [InlineData("POST", "/webhook/")]
    [InlineData("GET", "/webhook")]
    [InlineData("POST", "/WEBHOOK")]
    public async Task Webhooks_are_not_served_there(string method, string path)
    {
        await using var app = Start();
        var timestamp = Signing.Timestamp(app.Time.GetUtcNow());
        var body = Samples.Read("video.completed.json");
        using var client = new HttpClient { BaseAddress = Management };
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Content = new ByteArrayContent(body) { Headers = { { "Content-Type", "application/json" } } };
        request.Headers.Add(Signing.TimestampHeader, timestamp);
        request.Headers.Add(Signing.SignatureHeader, Signing.Sign(IngressApp.Secret, timestamp, body));

        using var answer = await client.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal((HttpStatusCode.NotFound, "application/problem+json"), (answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
        using var accepted = await app.SendAsync(body);
        Assert.Equal(HttpStatusCode.OK, accepted.StatusCode);
    }

    [Fact]
    public async Task The_public_listener_still_serves_everything()
    {
        await using var app = Start();
        using var client = app.CreateClient();

        foreach (var path in Paths)
        {
            using var answer = await client.GetAsync(path, TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }
    }

    [Fact]
    public async Task It_is_there_beside_endpoints_of_the_server_too()
    {
        var folder = Directory.CreateTempSubdirectory();
        var assembly = Services.IngressAssembly;
        var ingress = Daemon.Start(
            "ingress", Path.Combine(folder.FullName, "log"), "env",
            [
                "-u", "OTEL_EXPORTER_OTLP_ENDPOINT", Broker, Secret, $"Kestrel__Endpoints__Http__Url=http://127.0.0.1:{Machine.FreePort()}",
                $"Ingress__ManagementUrl={Management}", "dotnet", assembly,
            ],
            environment: null, Path.GetDirectoryName(assembly));
        try
        {
            using var client = new HttpClient { BaseAddress = Management };
            await Waiting.UntilAsync("the ingress", ingress, () => IsAnsweredAsync(client), TestContext.Current.CancellationToken);
        }
        finally
        {
            await ingress.StopAsync(CancellationToken.None);
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task An_address_in_use_is_named_in_one_line()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();

        var result = await ListeningTests.RunAsync(
            Broker, Secret, "ASPNETCORE_URLS=http://127.0.0.1:0", $"Ingress__ManagementUrl=http://{other.LocalEndpoint}");

        Assert.Equal((1, $"ingress-api: cannot listen on http://{other.LocalEndpoint}: Address already in use\n"), (result.ExitCode, result.Error));
    }

    private static async Task<bool> IsAnsweredAsync(HttpClient client)
    {
        try
        {
            using var answer = await client.GetAsync(new Uri("/health/live", UriKind.Relative), TestContext.Current.CancellationToken);
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private IngressApp Start(params (string Name, string Value)[] settings) => new([.. settings, ("Ingress:ManagementUrl", $"http://127.0.0.1:{_port}")]);
}
