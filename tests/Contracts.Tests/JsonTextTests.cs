using System.Text;
using System.Text.Json;

namespace Platform.Contracts.Tests;

public sealed class JsonTextTests
{
    [Theory]
    [InlineData("""  "plain"  """, "plain")]
    [InlineData("""  "Été 夏 🎬 \"quoted\" \\ <b>"  """, "Été 夏 🎬 \"quoted\" \\ <b>")]
    [InlineData("""  "\ud83c\udfac"  """, "🎬")]
    [InlineData("""  "cut \ud83c"  """, "cut \uFFFD")]
    [InlineData("""  "\udfac cut"  """, "\uFFFD cut")]
    [InlineData("""  "\ud83c\ud83c\udfac"  """, "\uFFFD🎬")]
    [InlineData("""  "\\ud83c \ud83c"  """, "\\ud83c \uFFFD")]
    [InlineData("""  "nul \u0000 here"  """, "nul \uFFFD here")]
    [InlineData("""  ""  """, "")]
    public void What_no_store_can_hold_is_repaired_and_the_rest_stays(string json, string expected)
    {
        using var document = JsonText.Parse(Encoding.UTF8.GetBytes(json));

        Assert.Equal(expected, JsonText.Read(document.RootElement));
    }

    [Theory]
    [InlineData("""{"\ud800":1,"name":"A"}""")]
    [InlineData("""{"\uDFAC\uD83C":1,"name":"A"}""")]
    [InlineData("""{"name":"A","n\ud83came":1}""")]
    public void A_name_that_no_store_can_hold_hides_no_other(string json)
    {
        using var document = JsonText.Parse(Encoding.UTF8.GetBytes(json), new() { AllowDuplicateProperties = false });

        Assert.Equal("A", JsonText.Read(document.RootElement.GetProperty("name")));
    }

    [Fact]
    public void What_is_not_UTF8_is_refused_before_it_is_read() =>
        Assert.ThrowsAny<JsonException>(() => JsonText.Parse((byte[])[.. "{\"name\":\""u8, 0xC3, 0x28, .. "\"}"u8]));
}
