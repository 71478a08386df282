using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Platform.DevStack;
using Platform.Simulator.MagicHour;

namespace Deploy.Tests.Servers;

/// <summary>
/// The load balancer of compose, on a real nginx: whatever fails behind it, the sender gets an answer before it gives up.
/// </summary>
public sealed partial class LoadBalancerTests
{
    /// <summary>Magic Hour's time limit for an answer (magic-hour/contract.md).</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private const string Secret = "mhw_test";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Time_outs_add_up_to_less_than_the_senders_patience()
    {
        var configuration = string.Join('\n', await Task.WhenAll(
            Directory.GetFiles(Nginx.SourceFolder, "*.conf").Select(file => File.ReadAllTextAsync(file, Cancel))));
        var timeOuts = TimeOut().Matches(configuration).ToDictionary(
            match => match.Groups["name"].Value,
            match => TimeSpan.FromSeconds(double.Parse(match.Groups["number"].Value, CultureInfo.InvariantCulture) / (match.Groups["unit"].Value == "ms" ? 1000 : 1)));

        // nginx's own defaults are 30 and 60 s. It tries another replica only before proxy_next_upstream_timeout has passed.
        string[] onTheWay = ["resolver_timeout", "proxy_next_upstream_timeout", "proxy_connect_timeout", "proxy_send_timeout", "proxy_read_timeout"];
        Assert.InRange(TimeSpan.FromTicks(onTheWay.Sum(name => timeOuts[name].Ticks)), TimeSpan.Zero, Patience - TimeSpan.FromMilliseconds(1));
        Assert.All(timeOuts, timeOut => Assert.InRange(timeOut.Value, TimeSpan.FromMilliseconds(1), Patience - TimeSpan.FromMilliseconds(1)));
        Assert.True(timeOuts["proxy_connect_timeout"] < timeOuts["proxy_next_upstream_timeout"], "No other replica is tried when one does not answer.");
        Assert.Superset(new HashSet<string>(["client_header_timeout", "client_body_timeout", "send_timeout"]), timeOuts.Keys.ToHashSet());
    }

    [Fact]
    public async Task Without_an_answering_name_server_it_is_503()
    {
        await using var names = new NameServer();
        await using var nginx = await Nginx.StartAsync($"nameserver {names.Address}\n", Machine.FreePort(), Cancel);

        await AssertUnavailableAsync(nginx);
    }

    [Fact]
    public async Task An_ingress_that_never_answers_is_503()
    {
        using var ingress = new TcpListener(IPAddress.Loopback, 0);
        ingress.Start();
        await using var names = new NameServer(IPAddress.Loopback);
        await using var nginx = await Nginx.StartAsync($"nameserver {names.Address}\n", ((IPEndPoint)ingress.LocalEndpoint).Port, Cancel);

        await AssertUnavailableAsync(nginx);
    }

    [Fact]
    public async Task A_body_that_trickles_is_ended_by_the_ingress()
    {
        await using var folder = await TestFolder.CreateAsync(Cancel);
        await using var names = new NameServer(IPAddress.Loopback);
        await using var nginx = await StartBeforeIngressAsync(folder, names);
        using var client = new TcpClient();
        await client.ConnectAsync(IPEndPoint.Parse(new Uri(nginx.Url).Authority), Cancel);
        const int length = 60;

        await client.Client.SendAsync(Encoding.ASCII.GetBytes(
            $"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n"
            + $"{Signing.TimestampHeader}: 1\r\n{Signing.SignatureHeader}: {new string('0', 64)}\r\n\r\n"));
        var answer = new StreamReader(client.GetStream()).ReadLineAsync(Cancel).AsTask();
        var sent = 0;
        for (; sent < length && !answer.IsCompleted; sent++)
        {
            await client.Client.SendAsync("x"u8.ToArray());
            await Task.WhenAny(answer, Task.Delay(TimeSpan.FromSeconds(1), Cancel));
        }

        Assert.InRange(sent, 1, length - 1);
        Assert.StartsWith("HTTP/1.1 503 ", await answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_that_the_ingress_does_not_read_to_its_end_is_answered_as_by_the_ingress()
    {
        await using var folder = await TestFolder.CreateAsync(Cancel);
        await using var names = new NameServer(IPAddress.Loopback);
        await using var nginx = await StartBeforeIngressAsync(folder, names);
        using var sender = new Sender(nginx.Url, Secret, TimeProvider.System);
        using var stranger = new HttpClient();

        using var tooLong = await sender.SendAsync(new byte[400 * 1024], Cancel);
        using var unsigned = await stranger.PostAsync(new Uri($"{nginx.Url}/webhook"), Body(200 * 1024), Cancel);

        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, HttpStatusCode.Unauthorized), (tooLong.StatusCode, unsigned.StatusCode));
    }

    [Fact]
    public async Task A_worker_may_open_a_file_for_each_of_its_connections()
    {
        var configuration = await File.ReadAllTextAsync(Path.Combine(Nginx.SourceFolder, "nginx.conf"), Cancel);
        var numbers = Number().Matches(configuration).ToDictionary(match => match.Groups["name"].Value, match => int.Parse(match.Groups["number"].Value, null));

        // A request takes one connection from the sender and one to the ingress.
        Assert.InRange(numbers["worker_connections"], 2 * new Ingress.Api.IngressOptions().MaxConnections, numbers["worker_rlimit_nofile"] - 100);
    }

    [Theory]
    [InlineData("POST", "/webhook", HttpStatusCode.OK)]
    [InlineData("POST", "/webhook/", HttpStatusCode.OK)]
    [InlineData("POST", "/webhook?a=b", HttpStatusCode.OK)]
    [InlineData("GET", "/health", HttpStatusCode.OK)]
    [InlineData("HEAD", "/health", HttpStatusCode.OK)]
    [InlineData("HEAD", "/health/", HttpStatusCode.OK)]
    [InlineData("POST", "/Webhook", HttpStatusCode.NotFound)]
    [InlineData("POST", "/webhook/x", HttpStatusCode.NotFound)]
    [InlineData("POST", "/webhook%0a", HttpStatusCode.NotFound)]
    [InlineData("GET", "/health/ready", HttpStatusCode.NotFound)]
    [InlineData("GET", "/metrics", HttpStatusCode.NotFound)]
    [InlineData("GET", "/", HttpStatusCode.NotFound)]
    public async Task The_paths_of_webhooks_and_health_pass_and_no_others(string method, string path, HttpStatusCode expected)
    {
        await using var ingress = await StartIngressAsync(_ => Task.CompletedTask);
        // The format of Podman and others: with search domains, options, comments and an address that nginx cannot query.
        await using var names = new NameServer(IPAddress.Loopback);
        await using var nginx = await Nginx.StartAsync(
            $"# by hand\nsearch dns.podman\nnameserver {names.Address}\nnameserver fe80::1%eth0\noptions ndots:0\n", new Uri(ingress.Urls.Single()).Port, Cancel);
        using var http = new HttpClient();

        using var answer = await http.SendAsync(new HttpRequestMessage(new HttpMethod(method), $"{nginx.Url}{path}"), Cancel);

        Assert.Equal(expected, answer.StatusCode);
    }

    [Fact]
    public async Task What_a_client_claims_of_its_address_is_not_passed_on()
    {
        await using var ingress = await StartIngressAsync(http => http.Response.WriteAsync($"{http.Request.Headers["X-Forwarded-For"]}", Cancel));
        await using var names = new NameServer(IPAddress.Loopback);
        await using var nginx = await Nginx.StartAsync($"nameserver {names.Address}\n", new Uri(ingress.Urls.Single()).Port, Cancel);
        using var http = new HttpClient { DefaultRequestHeaders = { { "X-Forwarded-For", "198.51.100.7" } } };

        Assert.Equal("127.0.0.1", await http.GetStringAsync(new Uri($"{nginx.Url}/health"), Cancel));
    }

    // The duration is the sum of the time-outs and independent of the machine: Time_outs_add_up.
    private static async Task AssertUnavailableAsync(Nginx nginx)
    {
        using var http = new HttpClient();

        using var answer = await http.PostAsync(new Uri($"{nginx.Url}/webhook"), new StringContent("{}"), Cancel);

        Assert.Equal((HttpStatusCode.ServiceUnavailable, "application/problem+json"), (answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
        Assert.Equal(TimeSpan.FromSeconds(10), answer.Headers.RetryAfter?.Delta);
    }

    /// <summary>In front of the real ingress, without a broker, and with the shortest limit for receiving a body.</summary>
    private static async Task<Nginx> StartBeforeIngressAsync(TestFolder folder, NameServer names)
    {
        var port = Machine.FreePort();
        var ingress = Services.Ingress(
            "ingress", folder.Path, port, "amqp://ingress-api:of-the-test@127.0.0.1:1", Secret, folder.Daemons, mustBeReady: false,
            new Dictionary<string, string?> { ["Ingress__ReceiveTimeout"] = "00:00:01" });
        await ingress.StartAsync(Cancel);
        return await Nginx.StartAsync($"nameserver {names.Address}\n", port, Cancel);
    }

    internal static ByteArrayContent Body(int length) => new(new byte[length]) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };

    internal static async Task<WebApplication> StartIngressAsync(RequestDelegate answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        app.Run(answer);
        await app.StartAsync(Cancel);
        return app;
    }

    [GeneratedRegex(@"^\s*(?<name>worker_\w+) (?<number>\d+);", RegexOptions.Multiline)]
    private static partial Regex Number();

    [GeneratedRegex(@"^\s*(?<name>(client|send|proxy|resolver)\w*timeout|send_timeout) (?<number>\d+)(?<unit>m?s);", RegexOptions.Multiline)]
    private static partial Regex TimeOut();
}
