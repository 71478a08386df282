using System.Net;
using System.Security.Cryptography;
using System.Text;
using Platform.Contracts;

namespace Ingress.Api.Tests;

/// <summary>Signed but very unusual bodies: none is lost, and none causes an error of the platform.</summary>
public sealed class StrangeBodiesTests
{
    public static TheoryData<string, byte[]> NotAnEvent => new()
    {
        { "nothing", [] },
        { "null", "null"u8.ToArray() },
        { "an array", "[]"u8.ToArray() },
        { "a byte order mark", [0xEF, 0xBB, 0xBF, .. Event("")] },
        { "something after the end", [.. Event(""), .. "{}"u8] },
        { "invalid UTF-8", [.. """{"type":"video.completed","payload":{"id":"x","name":" """u8, 0xC3, 0x28, .. """ "}}"""u8] },
        { "a key twice", Event(""","id":"another" """) },
        { "65 levels", Event($""","deep":{new string('[', 63)}{new string(']', 63)}""") },
    };

    public static TheoryData<string, byte[]> AnEvent => new()
    {
        { "half an emoji", Event(""","name":"cut \ud83c" """) },
        { "NUL", Event(""","name":"a\u0000b" """) },
        { "64 levels", Event($""","deep":{new string('[', 62)}{new string(']', 62)}""") },
        { "100000 keys", Event(string.Concat(Enumerable.Range(0, 100_000).Select(i => $",\"{i:x}\":0"))) },
        { "SQL", Event(""","name":"'; drop table jobs; --" """) },
    };

    [Theory]
    [MemberData(nameof(NotAnEvent))]
    public async Task What_is_not_an_event_is_refused_and_kept(string what, byte[] body)
    {
        await using var app = new IngressApp();

        using var response = await app.SendAsync(body);

        Assert.Equal((what, HttpStatusCode.BadRequest), (what, response.StatusCode));
        await Answers.AssertIsProblemUnlessSuccessAsync(response);
        var kept = Assert.Single(app.Broker.Messages<WebhookQuarantined>());
        Assert.Equal(Hash(body), kept.BodySha256);
    }

    [Theory]
    [MemberData(nameof(AnEvent))]
    public async Task What_is_an_event_is_taken_whatever_else_it_holds(string what, byte[] body)
    {
        // By default, bodies with that many keys are too long.
        await using var app = new IngressApp(("Ingress:MaxBodyBytes", "1048576"));

        using var response = await app.SendAsync(body);

        Assert.Equal((what, HttpStatusCode.OK), (what, response.StatusCode));
        var published = Assert.Single(app.Broker.Messages<WebhookReceived>());
        Assert.Equal(Hash(body), published.BodySha256);
    }

    // The body is in a buffer that was returned when the response was sent. A real broker has a copy by then, but the harness does not.
    private static string Hash(byte[] body) => Convert.ToHexStringLower(SHA256.HashData(body));

    private static byte[] Event(string more) => Encoding.UTF8.GetBytes($$$"""{"type":"video.completed","payload":{"id":"clx123"{{{more}}}}}""");
}
