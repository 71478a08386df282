using System.Net;
using Platform.Simulator.MagicHour;

namespace Ingress.Api.Tests;

/// <summary>One peer sends wrong signatures without pause.</summary>
public sealed class FloodingTests
{
    private const int Limit = 100;
    private const string TrustedProxy = "127.0.0.0/8";

    [Fact]
    public async Task A_valid_signature_is_accepted_however_many_wrong_ones_its_peer_has_sent()
    {
        await using var app = new IngressApp();
        await FloodAsync(app, _ => null);

        Assert.Equal(HttpStatusCode.TooManyRequests, await SendAsync(app, "wrong", forwardedFor: null));
        Assert.Equal(HttpStatusCode.OK, await SendAsync(app, IngressApp.Secret, forwardedFor: null));
    }

    [Fact]
    public async Task A_request_without_a_signature_over_the_limit_is_refused_before_its_body_is_read()
    {
        await using var app = new IngressApp();
        await FloodAsync(app, _ => null);

        using var connection = await RawConnection.OpenAsync(app.Address);
        await connection.SendAsync("POST /webhook HTTP/1.1\r\nHost: ingress\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n");
        var headers = await connection.ReadHeadersAsync();

        Assert.StartsWith("HTTP/1.1 429 ", headers, StringComparison.Ordinal);
        Assert.Contains("application/problem+json", headers, StringComparison.Ordinal);
        Assert.Matches("Retry-After: ([5-9]|[12][0-9]|30)\r?\n", headers);
    }

    [Fact]
    public async Task Requests_over_the_limit_share_one_log_line()
    {
        await using var app = new IngressApp();
        await FloodAsync(app, _ => null);

        for (var i = 0; i < 50; i++)
        {
            await SendAsync(app, "wrong", forwardedFor: null);
            await SendAsync(app, "wrong", forwardedFor: null, contentType: "text/plain");
        }

        await app.UntilLoggedAsync("Refused 100 webhooks of peers over the limit");
        Assert.Equal(Limit, app.Log.Lines.Count(line => line.StartsWith("Information: Webhook Refused", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Other_peers_are_not_affected()
    {
        await using var app = new IngressApp(("Ingress:TrustedProxies:0", TrustedProxy));
        await FloodAsync(app, _ => "203.0.113.7");

        Assert.Equal(HttpStatusCode.TooManyRequests, await SendAsync(app, "wrong", "203.0.113.7"));
        Assert.Equal(HttpStatusCode.Unauthorized, await SendAsync(app, "wrong", "203.0.113.8"));
    }

    [Fact]
    public async Task A_forwarded_address_that_no_proxy_vouches_for_does_not_make_another_peer()
    {
        await using var app = new IngressApp();
        await FloodAsync(app, i => $"203.0.113.{i}");

        Assert.Equal(HttpStatusCode.TooManyRequests, await SendAsync(app, "wrong", "203.0.113.200"));
    }

    [Fact]
    public async Task Clients_behind_the_same_edge_of_a_CDN_are_counted_apart()
    {
        await using var app = new IngressApp(("Ingress:TrustedProxies:0", TrustedProxy), ("Ingress:TrustedProxies:1", "203.0.113.0/24"));
        await FloodAsync(app, _ => "198.51.100.66, 203.0.113.5");

        Assert.Equal(HttpStatusCode.TooManyRequests, await SendAsync(app, "wrong", "198.51.100.66, 203.0.113.5"));
        Assert.Equal(HttpStatusCode.Unauthorized, await SendAsync(app, "wrong", "198.51.100.7, 203.0.113.5"));
    }

    [Fact]
    public async Task A_peer_that_signs_well_is_never_slowed_down()
    {
        await using var app = new IngressApp();

        for (var i = 0; i < Limit * 3; i++)
        {
            Assert.Equal(HttpStatusCode.OK, await SendAsync(app, IngressApp.Secret, forwardedFor: null));
        }
    }

    private static async Task FloodAsync(IngressApp app, Func<int, string?> forwardedFor)
    {
        for (var i = 0; i < Limit; i++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await SendAsync(app, "wrong", forwardedFor(i)));
        }
    }

    private static async Task<HttpStatusCode> SendAsync(IngressApp app, string secret, string? forwardedFor, string contentType = "application/json")
    {
        var body = Samples.Read("video.completed.json");
        var timestamp = Signing.Timestamp(app.Time.GetUtcNow());
        using var client = app.CreateClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/webhook") { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new(contentType);
        request.Headers.Add(Signing.TimestampHeader, timestamp);
        request.Headers.Add(Signing.SignatureHeader, Signing.Sign(secret, timestamp, body));
        if (forwardedFor is not null)
        {
            request.Headers.Add("X-Forwarded-For", forwardedFor);
        }

        using var response = await client.SendAsync(request, TestContext.Current.CancellationToken);
        return response.StatusCode;
    }
}
