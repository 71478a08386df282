using System.Net;
using System.Net.Http.Json;
using Platform.Contracts;

namespace Ingress.Api.Tests;

public sealed class ReceivingAWebhookTests
{
    [Theory]
    [InlineData("\n")]
    [InlineData(" \r\n")]
    public async Task White_space_around_the_secret_refuses_no_event(string space)
    {
        await using var app = new IngressApp(("MagicHour:WebhookSecrets:0", $"{space}{IngressApp.Secret}{space}"));

        using var response = await app.SendAsync(Samples.Read("video.completed.json"));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    private static readonly byte[] Completed = Samples.Read("video.completed.json");

    [Fact]
    public async Task A_signed_event_is_published_under_its_identity_and_answered_as_the_guide_documents()
    {
        await using var app = new IngressApp();

        using var response = await app.SendAsync(Completed);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("""{"success":true,"timestamp":1787234642}""", await Answers.ReadAsync(response));
        var published = Assert.Single(app.Broker.Messages<WebhookReceived>());
        Assert.Equal(EventIdentity.Create("video.completed", "cmj86i5yy006x4m0z6znwowjb"), published.EventId);
        Assert.Equal(("video.completed", "cmj86i5yy006x4m0z6znwowjb"), (published.EventType, published.JobId));
        Assert.Equal((app.Time.GetUtcNow(), app.Time.GetUtcNow(), false), (published.ReceivedAt, published.SentAt, published.Late));
        Assert.Equal(("live", "0"), (published.Origin, published.SecretName));
        Assert.Equal("96a86e91a48a3b0fde8d6882720a7f930e1d2f8d1506564e95c194d4cfb58572", published.BodySha256);
        Assert.NotEqual(Guid.Empty, published.DeliveryId);
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
        Assert.Equal(isQuarantined ? 0 : 1, app.Broker.Messages<WebhookReceived>().Length);
        Assert.Equal(isQuarantined ? 1 : 0, app.Broker.Messages<WebhookQuarantined>().Length);
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
        Assert.Equal(["0", "1"], app.Broker.Messages<WebhookReceived>().Select(published => published.SecretName).Order());
    }

    [Fact]
    public async Task An_authentic_event_is_taken_for_25_hours_and_flagged_when_it_is_late()
    {
        await using var app = new IngressApp();

        using var response = await app.SendAsync(Completed, app.Time.GetUtcNow().AddHours(-25));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.True(Assert.Single(app.Broker.Messages<WebhookReceived>()).Late);
    }

    [Fact]
    public async Task An_event_has_one_log_line_without_secrets()
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
}
