using System.Text;
using Platform.Contracts;
using Platform.DevStack;
using Platform.Simulator.MagicHour;

namespace Ingress.Api.Tests;

/// <summary>
/// Requests that the server rejects before an endpoint sees them do not count as webhooks, so they are counted and logged separately.
/// </summary>
public sealed class RejectedRequestsTests
{
    private const string Body = """{"type":"video.completed","payload":{"id":"clx123"}}""";
    private const string Get = "GET /health HTTP/1.1\r\nHost: ingress\r\n";

    public static TheoryData<int, string> Rejected => new()
    {
        { 400, "no request line\r\n\r\n" },
        { 400, "GET /health HTTP/1.1\r\n\r\n" },
        { 400, "GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" },
        { 400, "GET /health HTTP/1.1\r\nHost: Z\u00fcrich\r\n\r\n" },
        { 400, "GET /\u00fc HTTP/1.1\r\nHost: ingress\r\n\r\n" },
        { 400, $"{Get}X-City-\u00fc: Zurich\r\n\r\n" },
        { 400, $"{Get}X-City: Z\0rich\r\n\r\n" },
        { 400, "POST /webhook HTTP/1.0\r\n\r\n" },
        { 400, "POST /webhook HTTP/1.1\r\nHost: ingress\r\nTransfer-Encoding: gzip\r\n\r\n" },
        { 400, "POST /webhook HTTP/1.1\r\nHost: ingress\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
        { 400, "\u0016\u0003\u0001\u0002\0\u0001\0\u0001\u00fc\u0003\u0003 a client that speaks TLS" },
        { 405, "POST * HTTP/1.1\r\nHost: ingress\r\n\r\n" },
        { 414, $"GET /{new string('a', 2100)} HTTP/1.1\r\nHost: ingress\r\n\r\n" },
        { 431, $"{Get}X-Long: {new string('a', 8_300)}\r\n\r\n" },
        { 431, $"{Get}{string.Concat(Enumerable.Repeat("X-Many: a\r\n", 65))}\r\n" },
        { 505, "GET /health HTTP/1.7\r\nHost: ingress\r\n\r\n" },
    };

    [Theory]
    [MemberData(nameof(Rejected))]
    public async Task It_is_counted_by_status_and_logged_with_its_reason(int status, string request)
    {
        await using var app = new IngressApp();
        using var measured = new Measurements(app.Services);

        var answer = await SendAsync(app, request);
        await app.UntilLoggedAsync("Rejected ");

        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.Equal([1], measured.Of($"http.requests.rejected{{status={status}}}"));
        var line = Assert.Single(RejectionsIn(app));
        Assert.Matches($"^Warning: Rejected 1 requests before an endpoint saw them; the last one came from 127.0.0.1 and was answered {status}: [A-Z].{{10,}}", line);
        Assert.DoesNotContain(line, char.IsControl);
    }

    [Theory]
    [InlineData("X-Geo-City: Z\u00fcrich")]
    [InlineData("User-Agent: Z\u00fcrich/1 \u0085\u0080\u00ff")]
    [InlineData("Referer: \u00fc\r\nCookie: a=\u00fc\r\nAccept-Language: \u00fc\r\nForwarded: \u00fc\r\ntraceparent: \u00fc\r\nExpect: \u00fc")]
    public async Task A_Latin_1_byte_in_a_foreign_header_rejects_no_event(string header)
    {
        await using var app = new IngressApp();

        var answer = await SendAsync(app, Webhook(app, header));

        Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
        Assert.Single(app.Broker.Messages<WebhookReceived>());
        Assert.DoesNotContain(app.Log.Lines, line => line.Any(char.IsControl));
    }

    [Fact]
    public async Task A_flood_is_one_line_with_its_number_and_nothing_is_logged_without_one()
    {
        await using var app = new IngressApp();

        for (var i = 0; i < 50; i++)
        {
            await SendAsync(app, "GET /health HTTP/1.1\r\n\r\n");
        }

        await app.UntilLoggedAsync("Rejected ");
        app.Time.Advance(TimeSpan.FromMinutes(5));
        Assert.Contains("Rejected 50 requests", Assert.Single(RejectionsIn(app)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Over_the_limit_the_connection_longest_without_a_valid_webhook_is_closed_and_the_newest_answered()
    {
        await using var app = new IngressApp(("Ingress:MaxConnections", "2"));
        using var measured = new Measurements(app.Services);
        using var genuine = await RawConnection.OpenAsync(app.Address);
        await genuine.SendAsync(Webhook(app, "X-First: a").Replace("Connection: close\r\n", "", StringComparison.Ordinal));
        // It sends nothing: half a request would be answered 408 after seconds, on the server's own clock.
        using var stranger = await RawConnection.OpenAsync(app.Address);
        Assert.StartsWith("HTTP/1.1 200 ", await genuine.ReadHeadersAsync(), StringComparison.Ordinal);
        await genuine.SendAsync(Webhook(app, "X-Second: a").Replace("Connection: close\r\n", "", StringComparison.Ordinal));
        await Waiting.UntilAsync(
            "the second is published", () => Task.FromResult(app.Broker.Messages<WebhookReceived>().Length == 2), TestContext.Current.CancellationToken);

        Assert.StartsWith("HTTP/1.1 200 ", await SendAsync(app, $"{Get}Connection: close\r\n\r\n"), StringComparison.Ordinal);

        Assert.Empty(await stranger.ReadToEndAsync());
        await genuine.SendAsync(Webhook(app, "X-Third: a"));
        Assert.Contains("HTTP/1.1 200 ", await genuine.ReadToEndAsync(), StringComparison.Ordinal);
        await app.UntilLoggedAsync("Closed 1 connections");
        Assert.Equal([1], measured.Of("http.connections.shed{}"));
    }

    [Fact]
    public async Task What_an_endpoint_has_answered_is_not_rejected_for_the_rest_of_its_body()
    {
        await using var app = new IngressApp();
        using var measured = new Measurements(app.Services);

        var answer = await SendAsync(app, "GET /health HTTP/1.1\r\nHost: ingress\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n");

        Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
        Assert.DoesNotContain(measured.Series, series => series.StartsWith("http.requests.rejected", StringComparison.Ordinal));
    }

    private static async Task<string> SendAsync(IngressApp app, string request)
    {
        using var connection = await RawConnection.OpenAsync(app.Address);
        await connection.SendAsync(request, Encoding.Latin1);
        return await connection.ReadToEndAsync();
    }

    private static string Webhook(IngressApp app, string header)
    {
        var timestamp = Signing.Timestamp(app.Time.GetUtcNow());
        return string.Join("\r\n",
            "POST /webhook HTTP/1.1", "Host: ingress", "Connection: close", "Content-Type: application/json", $"Content-Length: {Body.Length}",
            $"{Signing.TimestampHeader}: {timestamp}",
            $"{Signing.SignatureHeader}: {Signing.Sign(IngressApp.Secret, timestamp, Encoding.UTF8.GetBytes(Body))}",
            header, "", Body);
    }

    private static IEnumerable<string> RejectionsIn(IngressApp app) =>
        app.Log.Lines.Where(line => line.Contains("Rejected ", StringComparison.Ordinal));
}
