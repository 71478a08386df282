using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Platform.DevStack;
using Platform.Simulator.MagicHour;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>
/// Confidential parts of an event, and parts that could be forged, appear only in the
/// database, never in a log, span, metric or response, whatever happens to the event.
/// </summary>
public sealed class ConfidentialTests(ServersFixture servers) : IDisposable
{
    // Stands for everything confidential: names, credentials in URLs, addresses, unknown fields.
    private const string Confidential = "c0nf1dent1al";
    private const string Forged = "forged: a line that was never logged";

    private readonly ConcurrentBag<string> _answers = [];
    private readonly ConcurrentBag<string> _signatures = [];
    private readonly HttpClient _http = new();

    [Fact]
    public async Task Confidential_values_appear_nowhere_on_the_way_of_an_event()
    {
        await using var collector = new Collector();
        await using var platform = await TestPlatform.CreateAsync(servers);
        await platform.StartWorkerAsync(settings: collector.Settings);
        await platform.StartIngressAsync(settings: collector.Settings);
        await platform.ExecuteAsync($"alter table jobs add constraint no_poison check (name not like '%poison%')");

        await SendWhatIsTakenAsync(platform);
        await platform.CountAsync(4, "select count(*) from webhook_events");
        await SendWhatIsRefusedAsync(platform);
        await ParkAsync(platform);
        await RefuseAllAsync(platform);

        await collector.UntilAsync("every event", spans => spans.Count(span => span.Name == "commit") >= 7);
        var outputs = new Dictionary<string, string>
        {
            ["answers"] = string.Join('\n', _answers),
            ["export"] = collector.Everything,
            ["logs"] = string.Join('\n', platform.Logs),
            ["metrics"] = await _http.GetStringAsync(new Uri(platform.Ingresses[0].Webhook, "/metrics"), Cancel)
                + await _http.GetStringAsync(new Uri(platform.Workers[0], "/metrics"), Cancel),
        };

        Assert.All([Confidential, Secret, .. _signatures], text => Assert.All(outputs, one => Assert.DoesNotContain(text, one.Value, StringComparison.OrdinalIgnoreCase)));
        Assert.DoesNotContain(outputs["logs"].Split('\n'), line => line.StartsWith("forged", StringComparison.Ordinal));
        Assert.DoesNotContain(outputs["logs"], character => char.IsControl(character) && character is not ('\n' or '\r'));
        // Prove that all of it was available to be logged.
        Assert.All(["new", "late", "variant", "poison", "refused"], id => Assert.Contains($"of-job-{id}", outputs["logs"] + outputs["export"], StringComparison.Ordinal));
        Assert.Contains("no_poison", outputs["logs"], StringComparison.Ordinal);
    }

    public void Dispose() => _http.Dispose();

    private async Task SendWhatIsTakenAsync(TestPlatform platform)
    {
        var now = TimeProvider.System.GetUtcNow();
        await SendAsync(platform, Body("new"), HttpStatusCode.OK);
        await SendAsync(platform, Body("new"), HttpStatusCode.OK);
        await SendAsync(platform, Body("late"), HttpStatusCode.OK, now.AddHours(-2));
        await SendAsync(platform, Body("variant"), HttpStatusCode.OK);
        await platform.CountAsync(3, "select count(*) from webhook_events");
        await SendAsync(platform, Body("variant", "another"), HttpStatusCode.OK);
        // As a type, id and status: a URL is withheld, and a line stays one line.
        await SendAsync(platform, $$"""{"type":"https://v/?t={{Confidential}}","payload":{"id":"a@{{Confidential}}","status":"\r\n{{Forged}}"} }""", HttpStatusCode.OK);
        await SendAsync(platform, $$"""{"type":"\u001b[31m\r\n{{Forged}}","payload":{"name":"{{Confidential}}"} }""", HttpStatusCode.OK);
        await SendAsync(platform, $$"""["{{Confidential}}\r\n"]""", HttpStatusCode.BadRequest);
        await SendAsync(platform, Confidential, HttpStatusCode.BadRequest);
    }

    private async Task SendWhatIsRefusedAsync(TestPlatform platform)
    {
        var now = TimeProvider.System.GetUtcNow();
        await SendAsync(platform, Body("old"), HttpStatusCode.Unauthorized, now.AddHours(-30));
        await SendAsync(platform, Body("early"), HttpStatusCode.Unauthorized, now.AddHours(1));
        await SendAsync(platform, Body("forged"), HttpStatusCode.Unauthorized, secret: Confidential);
        await SendAsync(platform, Body("malformed"), HttpStatusCode.Unauthorized, signature: Confidential);
        await SendAsync(platform, Body("text"), HttpStatusCode.UnsupportedMediaType, contentType: $"text/{Confidential}");
        await SendAsync(platform, Body("long", new string('x', 1 << 20)), HttpStatusCode.RequestEntityTooLarge);
        using var got = await _http.GetAsync(new Uri(platform.Ingresses[0].Webhook, $"/webhook?token={Confidential}"), Cancel);
        await KeepAsync(got, HttpStatusCode.MethodNotAllowed);
        using var nowhere = await _http.GetAsync(new Uri(platform.Ingresses[0].Webhook, $"/{Confidential}"), Cancel);
        Assert.Equal(HttpStatusCode.NotFound, nowhere.StatusCode);
        for (var i = 0; i < 100; i++)
        {
            await SendAsync(platform, Confidential, expected: null, secret: "wrong");
        }

        // Only wrong signatures are rate-limited.
        await SendAsync(platform, Body("blocked"), HttpStatusCode.TooManyRequests, secret: "wrong");
    }

    private async Task ParkAsync(TestPlatform platform)
    {
        // PostgreSQL would quote this row in the detail of the error.
        await SendAsync(platform, Body("poison", "poison"), HttpStatusCode.OK);
        await platform.Broker.PutAsync("webhook-received", $"{Confidential}\r\n{Forged}", "application/vnd.masstransit+json", Cancel);
        await platform.Broker.PutAsync("webhook-received", $$$"""{"messageType":["urn:message:Platform.Contracts:WebhookReceived"],"message":{"eventId":"{{{Confidential}}}"}}""", "application/vnd.masstransit+json", Cancel);
        await platform.Broker.PutAsync("webhook-received", $$$"""{"messageType":["urn:message:Nobody:Knows"],"message":{"name":"{{{Confidential}}}"}}""", "application/vnd.masstransit+json", Cancel);
        await Waiting.UntilAsync("three are parked", async () => await platform.Broker.CountAsync("webhook-received_error", Cancel) >= 3, Cancel);
        await Waiting.UntilAsync("one is skipped", async () => await platform.Broker.CountAsync("webhook-received_skipped", Cancel) == 1, Cancel);
    }

    private async Task RefuseAllAsync(TestPlatform platform)
    {
        await platform.ExecuteAsync("alter table webhook_events rename to away");
        await SendAsync(platform, Body("waiting"), HttpStatusCode.OK);
        await Waiting.UntilAsync("it is refused", () => Task.FromResult(platform.Logs.Any(log => log.Contains("42P01", StringComparison.Ordinal))), Cancel);
        await platform.ExecuteAsync("alter table away rename to webhook_events");
        await platform.CountAsync(5, "select count(*) from webhook_events");
        await platform.Broker.UnbindAsync("webhook-received", Cancel);
        await SendAsync(platform, Body("refused"), HttpStatusCode.ServiceUnavailable);
        await platform.Broker.BindAsync("webhook-received", Cancel);
    }

    private static string Body(string id, string more = "") =>
        $$"""
        {"type":"video.completed","payload":{"id":"of-job-{{id}}","name":"{{Confidential}} {{more}}","status":"complete","{{Confidential}}":"{{Confidential}}",
        "error":{"code":"{{Confidential}}","message":"{{Confidential}}@example.org\r\n{{Forged}}"},
        "downloads":[{"url":"https://videos.magichour.ai/{{Confidential}}.mp4?auth-token={{Confidential}}","expires_at":"{{Confidential}}"}]} }
        """;

    private async Task SendAsync(
        TestPlatform platform, string body, HttpStatusCode? expected, DateTimeOffset? at = null, string secret = Secret, string? signature = null,
        string contentType = "application/json")
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        var timestamp = Signing.Timestamp(at ?? TimeProvider.System.GetUtcNow());
        var signed = signature ?? Signing.Sign(secret, timestamp, bytes);
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{platform.Ingresses[0].Webhook}?auth-token={Confidential}");
        request.Content = new ByteArrayContent(bytes) { Headers = { ContentType = MediaTypeHeaderValue.Parse(contentType) } };
        request.Headers.Add(Signing.TimestampHeader, timestamp);
        request.Headers.Add(Signing.SignatureHeader, signed);
        request.Headers.Add("authorization", $"Bearer {Confidential}");
        request.Headers.Add("cookie", $"session={Confidential}");
        _signatures.Add(signed);
        using var response = await _http.SendAsync(request, Cancel);
        await KeepAsync(response, expected);
    }

    private async Task KeepAsync(HttpResponseMessage response, HttpStatusCode? expected)
    {
        _answers.Add($"{response.Headers}{response.Content.Headers}{await response.Content.ReadAsStringAsync(Cancel)}");
        Assert.Equal(expected ?? response.StatusCode, response.StatusCode);
    }
}
