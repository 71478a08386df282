using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Platform.Contracts;
using Platform.DevStack;
using Platform.Simulator.MagicHour;

namespace Ingress.Api.Tests;

public sealed class RefusingAWebhookTests
{
    private static readonly byte[] Completed = Samples.Read("video.completed.json");

    [Fact]
    public async Task Every_refusal_of_a_signature_looks_the_same()
    {
        await using var app = new IngressApp();
        var now = Signing.Timestamp(app.Time.GetUtcNow());

        HttpResponseMessage[] refusals =
        [
            await app.PostAsync(Completed, now, new string('0', 64)),
            await app.PostAsync(Completed, null, new string('0', 64)),
            await app.PostAsync(Completed, now, null),
            await app.PostAsync(Completed, now, "not hex"),
            await app.SendAsync(Completed, secret: "wrong"),
            await app.SendAsync(Completed, app.Time.GetUtcNow().AddHours(-26)),
            await app.SendAsync(Completed, app.Time.GetUtcNow().AddMinutes(6)),
            await app.PostAsync([.. Completed, (byte)' '], now, Signing.Sign(IngressApp.Secret, now, Completed)),
            await app.PostAsync(Encoding.UTF8.GetBytes($"{JsonNode.Parse(Completed)}"), now, Signing.Sign(IngressApp.Secret, now, Completed)),
            await app.PostAsync(Completed, Signing.Timestamp(app.Time.GetUtcNow().AddSeconds(1)), Signing.Sign(IngressApp.Secret, now, Completed)),
        ];

        Assert.All(refusals, refusal => Assert.Equal(HttpStatusCode.Unauthorized, refusal.StatusCode));
        var bodies = await Task.WhenAll(refusals.Select(Answers.ReadAsync));
        var body = Assert.Single(bodies.Distinct());
        Assert.DoesNotContain("traceId", body, StringComparison.Ordinal);
        Assert.Empty(app.Broker.Messages<WebhookReceived>());
        Array.ForEach(refusals, refusal => refusal.Dispose());
    }

    [Fact]
    public async Task A_replay_is_the_same_event_again_and_refused_after_25_hours()
    {
        await using var app = new IngressApp();
        var timestamp = Signing.Timestamp(app.Time.GetUtcNow());
        var signature = Signing.Sign(IngressApp.Secret, timestamp, Completed);

        using var first = await app.PostAsync(Completed, timestamp, signature);
        using var replay = await app.PostAsync(Completed, timestamp, signature);
        app.Time.Advance(new TimeSpan(25, 0, 1));
        using var late = await app.PostAsync(Completed, timestamp, signature);

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK, HttpStatusCode.Unauthorized), (first.StatusCode, replay.StatusCode, late.StatusCode));
        Assert.Single(app.Broker.Messages<WebhookReceived>().Select(published => published.EventId).Distinct());
    }

    [Theory]
    [InlineData("application/json", HttpStatusCode.OK)]
    [InlineData("application/json; charset=utf-8", HttpStatusCode.OK)]
    [InlineData("Application/JSON;charset=UTF-8; v=1", HttpStatusCode.OK)]
    [InlineData("application/vnd.magichour.event+json", HttpStatusCode.OK)]
    [InlineData("text/plain", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("application/x-www-form-urlencoded", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("json", HttpStatusCode.UnsupportedMediaType)]
    [InlineData(null, HttpStatusCode.UnsupportedMediaType)]
    public async Task Only_JSON_is_taken(string? contentType, HttpStatusCode expected)
    {
        await using var app = new IngressApp();

        using var response = await app.SendAsync(Completed, contentType: contentType);

        Assert.Equal(expected, response.StatusCode);
        await Answers.AssertIsProblemUnlessSuccessAsync(response);
    }

    [Theory]
    [InlineData(1024, HttpStatusCode.OK)]
    [InlineData(1025, HttpStatusCode.RequestEntityTooLarge)]
    [InlineData(100_000, HttpStatusCode.RequestEntityTooLarge)]
    public async Task A_body_has_a_greatest_length(int length, HttpStatusCode expected)
    {
        await using var app = new IngressApp(("Ingress:MaxBodyBytes", "1024"));

        using var response = await app.SendAsync(BodyOf(length));

        Assert.Equal(expected, response.StatusCode);
        await Answers.AssertIsProblemUnlessSuccessAsync(response);
    }

    [Fact]
    public async Task A_body_without_a_length_is_counted_while_it_is_read()
    {
        await using var app = new IngressApp(("Ingress:MaxBodyBytes", "100000"));
        var timestamp = Signing.Timestamp(app.Time.GetUtcNow());
        using var client = app.CreateClient();

        foreach (var (length, expected) in new[] { (100_000, HttpStatusCode.OK), (100_001, HttpStatusCode.RequestEntityTooLarge) })
        {
            var body = BodyOf(length);
            using var request = new HttpRequestMessage(HttpMethod.Post, "/webhook") { Content = new StreamContent(new MemoryStream(body)) };
            request.Headers.TransferEncodingChunked = true;
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            request.Headers.Add(Signing.TimestampHeader, timestamp);
            request.Headers.Add(Signing.SignatureHeader, Signing.Sign(IngressApp.Secret, timestamp, body));

            using var response = await client.SendAsync(request, TestContext.Current.CancellationToken);

            Assert.Equal(expected, response.StatusCode);
            await Answers.AssertIsProblemUnlessSuccessAsync(response);
        }
    }

    [Fact]
    public async Task A_compressed_body_is_not_taken()
    {
        await using var app = new IngressApp();
        using var client = app.CreateClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/webhook") { Content = new ByteArrayContent(Completed) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Content.Headers.ContentEncoding.Add("gzip");

        using var response = await client.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
        await Answers.AssertIsProblemUnlessSuccessAsync(response);
    }

    [Fact]
    public async Task A_body_that_breaks_off_is_logged_and_counted()
    {
        await using var app = new IngressApp();
        using var measured = new Measurements(app.Services);
        var head = string.Join("\r\n",
            "POST /webhook HTTP/1.1", "Host: ingress", "Content-Type: application/json", "Content-Length: 100",
            $"{Signing.TimestampHeader}: {Signing.Timestamp(app.Time.GetUtcNow())}", $"{Signing.SignatureHeader}: {new string('0', 64)}", "", "{");

        using (var connection = new TcpClient())
        {
            await connection.ConnectAsync(app.Address.Host, app.Address.Port, TestContext.Current.CancellationToken);
            await connection.GetStream().WriteAsync(Encoding.ASCII.GetBytes(head), TestContext.Current.CancellationToken);
        }

        await Waiting.UntilAsync(
            "it is logged",
            () => Task.FromResult(app.Log.Lines.Any(line => line.StartsWith("Information: Webhook Refused", StringComparison.Ordinal))),
            TestContext.Current.CancellationToken);
        Assert.Contains(measured.Series, series => series.Contains("outcome=refused", StringComparison.Ordinal));
        Assert.Single(app.Log.Lines, line => line.StartsWith("Information: Webhook Refused", StringComparison.Ordinal));
        // Only an answer has a duration: clients that stall must not look like a slow ingress.
        Assert.Empty(measured.Of("webhook_processing{}"));
    }

    [Fact]
    public async Task Other_methods_and_paths_are_problems_too()
    {
        await using var app = new IngressApp();
        using var client = app.CreateClient();

        using var get = await client.GetAsync("/webhook", TestContext.Current.CancellationToken);
        using var put = await client.PutAsync("/webhook", new ByteArrayContent(Completed), TestContext.Current.CancellationToken);
        using var unknown = await client.GetAsync("/nothing", TestContext.Current.CancellationToken);

        Assert.Equal(
            (HttpStatusCode.MethodNotAllowed, HttpStatusCode.MethodNotAllowed, HttpStatusCode.NotFound), (get.StatusCode, put.StatusCode, unknown.StatusCode));
        Assert.Equal(["POST"], get.Content.Headers.Allow);
        await Answers.AssertIsProblemUnlessSuccessAsync(get);
        await Answers.AssertIsProblemUnlessSuccessAsync(unknown);
    }

    [Theory]
    [InlineData("/webhook/", HttpStatusCode.Unauthorized)]
    [InlineData("/%77ebhook?a=b", HttpStatusCode.Unauthorized)]
    [InlineData("/Webhook", HttpStatusCode.NotFound)]
    [InlineData("/WEBHOOK/", HttpStatusCode.NotFound)]
    [InlineData("/%57ebhook", HttpStatusCode.NotFound)]
    [InlineData("/webhook//", HttpStatusCode.NotFound)]
    [InlineData("//webhook", HttpStatusCode.NotFound)]
    [InlineData("/webhook/x", HttpStatusCode.NotFound)]
    public async Task The_path_is_as_load_balancers_compare_it_and_a_slash_may_follow(string path, HttpStatusCode expected)
    {
        await using var app = new IngressApp();
        using var client = app.CreateClient();
        using var content = new ByteArrayContent(Completed) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };

        // Parsed from text: a relative address of two slashes would be a host.
        using var response = await client.PostAsync(new Uri($"{app.Address.GetLeftPart(UriPartial.Authority)}{path}"), content, TestContext.Current.CancellationToken);

        Assert.Equal(expected, response.StatusCode);
        await Answers.AssertIsProblemUnlessSuccessAsync(response);
    }

    private static byte[] BodyOf(int length)
    {
        var empty = """{"type":"video.completed","payload":{"id":"x","name":""}}""";
        return Encoding.UTF8.GetBytes(empty.Replace("\"\"", $"\"{new string('n', length - empty.Length)}\"", StringComparison.Ordinal));
    }
}
