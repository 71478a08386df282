using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using MassTransit;
using Platform.Contracts;
using Platform.Simulator.MagicHour;

namespace Ingress.Api.Tests;

public sealed class ReceivingAWebhookTests
{
    private static readonly byte[] Completed = Samples.Read("video.completed.json");

    [Fact]
    public async Task A_signed_event_is_published_under_its_identity_and_answered_as_the_guide_has_it()
    {
        await using var app = new IngressApp();

        using var response = await app.SendAsync(Completed);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("""{"success":true,"timestamp":1787234642}""", await ReadAsync(response));
        var published = Assert.Single(await app.PublishedAsync<WebhookReceived>());
        Assert.Equal(EventIdentity.Of("video.completed", "cmj86i5yy006x4m0z6znwowjb"), published.EventId);
        Assert.Equal(("video.completed", "cmj86i5yy006x4m0z6znwowjb"), (published.EventType, published.JobId));
        Assert.Equal((app.Time.GetUtcNow(), app.Time.GetUtcNow(), false), (published.ReceivedAt, published.SentAt, published.Late));
        Assert.Equal(("live", "0"), (published.Origin, published.SecretName));
        Assert.Equal("96a86e91a48a3b0fde8d6882720a7f930e1d2f8d1506564e95c194d4cfb58572", published.BodySha256);
        Assert.NotEqual(Guid.Empty, published.DeliveryId);
    }

    [Fact]
    public async Task The_message_is_mandatory_durable_and_named_by_the_identity()
    {
        await using var app = new IngressApp();
        var seen = new TaskCompletionSource<PublishContext>();
        app.Broker.Bus.ConnectPublishObserver(new BeforePublish(context =>
        {
            seen.TrySetResult(context);
            return Task.CompletedTask;
        }));

        using var response = await app.SendAsync(Completed);

        var context = await seen.Task;
        Assert.Equal(EventIdentity.Of("video.completed", "cmj86i5yy006x4m0z6znwowjb"), context.MessageId);
        Assert.True(context.Mandatory);
        Assert.True(context.Durable);
    }

    [Theory]
    [MemberData(nameof(Samples.Names), MemberType = typeof(Samples))]
    public async Task Every_sample_is_answered_and_nothing_that_was_signed_vanishes(string name)
    {
        await using var app = new IngressApp();

        using var response = await app.SendAsync(Samples.Read(name));

        var isNotAnEvent = name is "malformed.truncated.json" or "malformed.missing-type.json";
        var isQuarantined = name.StartsWith("malformed.", StringComparison.Ordinal) || name == "test.event.json";
        Assert.Equal(isNotAnEvent ? HttpStatusCode.BadRequest : HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(isQuarantined ? 0 : 1, (await app.PublishedAsync<WebhookReceived>()).Length);
        Assert.Equal(isQuarantined ? 1 : 0, (await app.PublishedAsync<WebhookQuarantined>()).Length);
    }

    [Fact]
    public async Task Either_of_two_active_secrets_is_accepted_and_named()
    {
        await using var app = new IngressApp(("MagicHour:WebhookSecrets:1", "the-next-secret"));

        using var byOld = await app.SendAsync(Completed);
        using var byNew = await app.SendAsync(Samples.Read("video.started.json"), secret: "the-next-secret");
        using var byOther = await app.SendAsync(Completed, secret: "another-secret");

        Assert.Equal(
            (HttpStatusCode.OK, HttpStatusCode.OK, HttpStatusCode.Unauthorized), (byOld.StatusCode, byNew.StatusCode, byOther.StatusCode));
        Assert.Equal(["0", "1"], (await app.PublishedAsync<WebhookReceived>()).Select(published => published.SecretName).Order());
    }

    [Fact]
    public async Task An_authentic_event_is_taken_for_25_hours_and_flagged_when_it_is_late()
    {
        await using var app = new IngressApp();

        using var response = await app.SendAsync(Completed, app.Time.GetUtcNow().AddHours(-25));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.True(Assert.Single(await app.PublishedAsync<WebhookReceived>()).Late);
    }

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
        ];

        Assert.All(refusals, refusal => Assert.Equal(HttpStatusCode.Unauthorized, refusal.StatusCode));
        var bodies = await Task.WhenAll(refusals.Select(ReadAsync));
        var body = Assert.Single(bodies.Distinct());
        Assert.DoesNotContain("traceId", body, StringComparison.Ordinal);
        Assert.Empty(await app.PublishedAsync<WebhookReceived>());
        Array.ForEach(refusals, refusal => refusal.Dispose());
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
        await AssertIsProblemUnlessSuccessAsync(response);
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
        await AssertIsProblemUnlessSuccessAsync(response);
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
            await AssertIsProblemUnlessSuccessAsync(response);
        }
    }

    [Fact]
    public async Task What_the_broker_does_not_confirm_is_not_answered_with_success()
    {
        await using var app = new IngressApp();
        app.Broker.Bus.ConnectPublishObserver(new BeforePublish(_ => throw new InvalidOperationException("The broker is gone.")));

        using var response = await app.SendAsync(Completed);

        await AssertIsUnavailableAsync(response);
    }

    [Fact]
    public async Task A_publish_that_never_ends_is_given_up_within_the_budget()
    {
        await using var app = new IngressApp();
        var reached = new TaskCompletionSource();
        app.Broker.Bus.ConnectPublishObserver(new BeforePublish(_ =>
        {
            reached.TrySetResult();
            return new TaskCompletionSource().Task;
        }));

        var answer = app.SendAsync(Completed);
        await reached.Task;
        app.Time.Advance(TimeSpan.FromSeconds(3));

        using var response = await answer;
        await AssertIsUnavailableAsync(response);
    }

    [Fact]
    public async Task Publishes_that_pile_up_are_not_joined_by_more()
    {
        await using var app = new IngressApp(("Ingress:MaxPublishesInFlight", "1"));
        var reached = new TaskCompletionSource();
        var release = new TaskCompletionSource();
        app.Broker.Bus.ConnectPublishObserver(new BeforePublish(_ =>
        {
            reached.TrySetResult();
            return release.Task;
        }));

        var first = app.SendAsync(Completed);
        await reached.Task;
        using var second = await app.SendAsync(Completed);
        release.SetResult();

        await AssertIsUnavailableAsync(second);
        using var answer = await first;
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task A_peer_with_too_many_wrong_signatures_is_turned_away()
    {
        await using var app = new IngressApp();
        for (var i = 0; i < 100; i++)
        {
            using var refusal = await app.SendAsync("{}"u8.ToArray(), secret: "wrong");
            Assert.Equal(HttpStatusCode.Unauthorized, refusal.StatusCode);
        }

        using var response = await app.SendAsync(Completed);

        Assert.Equal(HttpStatusCode.TooManyRequests, response.StatusCode);
        Assert.NotNull(response.Headers.RetryAfter);
        await AssertIsProblemUnlessSuccessAsync(response);
    }

    [Fact]
    public async Task Other_methods_and_paths_are_problems_too()
    {
        await using var app = new IngressApp();
        using var client = app.CreateClient();

        using var get = await client.GetAsync("/webhook", TestContext.Current.CancellationToken);
        using var unknown = await client.GetAsync("/nothing", TestContext.Current.CancellationToken);

        Assert.Equal((HttpStatusCode.MethodNotAllowed, HttpStatusCode.NotFound), (get.StatusCode, unknown.StatusCode));
        Assert.Equal(["POST"], get.Content.Headers.Allow);
        await AssertIsProblemUnlessSuccessAsync(get);
        await AssertIsProblemUnlessSuccessAsync(unknown);
    }

    [Fact]
    public async Task Health_is_as_the_guide_has_it()
    {
        await using var app = new IngressApp();
        using var client = app.CreateClient();

        Assert.Equal(
            """{"status":"healthy","timestamp":1787234642}""",
            await client.GetStringAsync("/health", TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task One_line_tells_of_an_event_and_nothing_secret_is_in_the_log()
    {
        await using var app = new IngressApp();
        using var response = await app.SendAsync(
            """{"type":"video.completed","payload":{"id":"forged\r\nInformation: line","status":"complete","downloads":[{"url":"https://videos.magichour.ai/a.mp4?auth-token=hush"}]}}"""u8.ToArray());

        var line = Assert.Single(app.Log.Lines, line => line.Contains("Webhook", StringComparison.Ordinal));
        Assert.StartsWith("Information: Webhook Accepted: video.completed of job forged\uFFFD\uFFFDInformation: line, status complete; answered 200", line, StringComparison.Ordinal);
        Assert.Contains("127.0.0.1", line, StringComparison.Ordinal);
        Assert.DoesNotContain(app.Log.Lines, logged => logged.Contains("hush", StringComparison.Ordinal) || logged.Contains(IngressApp.Secret, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("", "127.0.0.1")]
    [InlineData("127.0.0.0/8", "203.0.113.7")]
    public async Task A_forwarded_address_is_believed_from_trusted_proxies_only(string trusted, string expected)
    {
        await using var app = trusted.Length == 0 ? new IngressApp() : new IngressApp(("Ingress:TrustedProxies:0", trusted));
        using var client = app.CreateClient();
        client.DefaultRequestHeaders.Add("X-Forwarded-For", "203.0.113.7");

        using var response = await client.PostAsJsonAsync("/webhook", new { }, TestContext.Current.CancellationToken);

        Assert.Contains(app.Log.Lines, line => line.Contains($" to {expected},", StringComparison.Ordinal));
    }

    private static byte[] BodyOf(int length)
    {
        var empty = """{"type":"video.completed","payload":{"id":"x","name":""}}""";
        return System.Text.Encoding.UTF8.GetBytes(empty.Replace("\"\"", $"\"{new string('n', length - empty.Length)}\"", StringComparison.Ordinal));
    }

    private static Task<string> ReadAsync(HttpResponseMessage response) =>
        response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

    private static async Task AssertIsUnavailableAsync(HttpResponseMessage response)
    {
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.InRange(response.Headers.RetryAfter?.Delta ?? TimeSpan.Zero, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30));
        await AssertIsProblemUnlessSuccessAsync(response);
    }

    private static async Task AssertIsProblemUnlessSuccessAsync(HttpResponseMessage response)
    {
        if (!response.IsSuccessStatusCode)
        {
            Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
            using var problem = JsonDocument.Parse(await ReadAsync(response));
            Assert.Equal((int)response.StatusCode, problem.RootElement.GetProperty("status").GetInt32());
        }
    }

    private sealed class BeforePublish(Func<PublishContext, Task> act) : IPublishObserver
    {
        public Task PrePublish<T>(PublishContext<T> context)
            where T : class => act(context);

        public Task PostPublish<T>(PublishContext<T> context)
            where T : class => Task.CompletedTask;

        public Task PublishFault<T>(PublishContext<T> context, Exception exception)
            where T : class => Task.CompletedTask;
    }
}
