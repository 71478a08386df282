using System.Text;

namespace Platform.Contracts.Tests;

public sealed class WebhookContentTests
{
    private static readonly string Samples = Path.Combine(AppContext.BaseDirectory, "Samples");

    public static TheoryData<string> SampleNames => [.. Directory.GetFiles(Samples).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(SampleNames))]
    public void Every_sample_is_what_its_name_says(string name)
    {
        var content = WebhookContent.Read(File.ReadAllBytes(Path.Combine(Samples, name)));

        Assert.Equal(
            name switch
            {
                "malformed.truncated.json" => QuarantineReasons.NotJson,
                "malformed.missing-type.json" => QuarantineReasons.NoType,
                "malformed.missing-payload.json" => QuarantineReasons.NoPayload,
                "malformed.missing-id.json" or "malformed.empty-id.json" or "test.event.json" => QuarantineReasons.NoId,
                _ => null,
            },
            content.Reason);
    }

    [Theory]
    [InlineData("""{"type":"video.completed","payload":{"id":"clx123","status":"complete"}}""", "video.completed", "clx123")]
    [InlineData("""{"type":"video.completed","object":{"id":"clx123"}}""", "video.completed", "clx123")]
    [InlineData("""{"type":"video.completed","payload":null,"object":{"id":"clx123"}}""", "video.completed", "clx123")]
    [InlineData("""{"object":{"id":"other"},"payload":{"id":"clx123"},"type":"a"}""", "a", "clx123")]
    [InlineData("""  {"type":"any.new-type","payload":{"id":"x","deep":[{"er":[]}]}}  """, "any.new-type", "x")]
    [InlineData("""{"type":"\u0061 cut \ud83c, nul \u0000","payload":{"id":"x/../%2F \u0001🦊"}}""", "a cut \uFFFD, nul \uFFFD", "x/../%2F \u0001🦊")]
    [InlineData("""{"type":"video.completed","payload":{"id":"x","\ud800":1}}""", "video.completed", "x")]
    [InlineData("""{"type":"video.completed","payload":{"i\uD83C":"y","id":"x"},"payloa\udfac":{}}""", "video.completed", "x")]
    public void An_event_is_recognised_by_type_and_id_alone(string body, string type, string jobId)
    {
        var content = Read(body);

        Assert.Equal((type, jobId, null), (content.EventType, content.JobId, content.Reason));
    }

    [Theory]
    [InlineData("", QuarantineReasons.NotJson)]
    [InlineData("\uFEFF{}", QuarantineReasons.NotJson)]
    [InlineData("{} {}", QuarantineReasons.NotJson)]
    [InlineData("""{"type":"a","type":"b","payload":{"id":"x"}}""", QuarantineReasons.NotJson)]
    [InlineData("""{"type":"a","payload":{"id":"x","id":"y"}}""", QuarantineReasons.NotJson)]
    [InlineData("""{"type":"a","payload":{"id":"x"},}""", QuarantineReasons.NotJson)]
    [InlineData("null", QuarantineReasons.NoType)]
    [InlineData("[]", QuarantineReasons.NoType)]
    [InlineData("\"type\"", QuarantineReasons.NoType)]
    [InlineData("""{"payload":{"id":"x"}}""", QuarantineReasons.NoType)]
    [InlineData("""{"type":1,"payload":{"id":"x"}}""", QuarantineReasons.NoType)]
    [InlineData("""{"type":null,"payload":{"id":"x"}}""", QuarantineReasons.NoType)]
    public void What_is_not_recognisable_is_not_an_event(string body, string reason)
    {
        var content = Read(body);

        Assert.Equal((reason, true), (content.Reason, content.IsNotAnEvent));
    }

    [Theory]
    [InlineData("""{"type":"a"}""", QuarantineReasons.NoPayload)]
    [InlineData("""{"type":"a","payload":[]}""", QuarantineReasons.NoPayload)]
    [InlineData("""{"type":"a","payload":"x"}""", QuarantineReasons.NoPayload)]
    [InlineData("""{"type":"a","payload":{}}""", QuarantineReasons.NoId)]
    [InlineData("""{"type":"a","payload":{"id":""}}""", QuarantineReasons.NoId)]
    [InlineData("""{"type":"a","payload":{"id":123}}""", QuarantineReasons.NoId)]
    [InlineData("""{"type":"a","payload":{"id":null}}""", QuarantineReasons.NoId)]
    [InlineData("""{"type":"a","payload":{"id":"nul \u0000"}}""", "id_unreadable")]
    [InlineData("""{"type":"a","payload":{"id":"cut \ud83c"}}""", "id_unreadable")]
    [InlineData("""{"type":"a","payload":{"id":"\udfac"}}""", "id_unreadable")]
    [InlineData("""{"type":"a","payload":{"id":"repaired \ufffd"}}""", "id_unreadable")]
    public void What_is_recognisable_but_cannot_be_used_is_kept_all_the_same(string body, string reason)
    {
        var content = Read(body);

        Assert.Equal((reason, false), (content.Reason, content.IsNotAnEvent));
    }

    [Theory]
    [InlineData(100, 200, null)]
    [InlineData(101, 200, QuarantineReasons.TypeTooLong)]
    [InlineData(100, 201, QuarantineReasons.IdTooLong)]
    public void Type_and_id_have_a_greatest_length(int typeLength, int idLength, string? reason) =>
        Assert.Equal(reason, Read($$$"""{"type":"{{{new string('t', typeLength)}}}","payload":{"id":"{{{new string('i', idLength)}}}"}}""").Reason);

    [Fact]
    public void Invalid_UTF8_is_not_JSON()
    {
        byte[] body = [.. """{"type":"a","payload":{"id":"x","name":" """u8, 0xC3, 0x28, .. """ "}}"""u8];

        Assert.Equal(QuarantineReasons.NotJson, WebhookContent.Read(body).Reason);
    }

    [Theory]
    [InlineData(61, null)]
    [InlineData(62, null)]
    [InlineData(63, QuarantineReasons.NotJson)]
    [InlineData(100_000, QuarantineReasons.NotJson)]
    public void Nesting_has_a_greatest_depth(int arrays, string? reason) =>
        Assert.Equal(reason, Read($$$"""{"type":"a","payload":{"id":"x","deep":{{{new string('[', arrays) + new string(']', arrays)}}}}}""").Reason);

    private static WebhookContent Read(string body) => WebhookContent.Read(Encoding.UTF8.GetBytes(body));
}
