using Platform.ServiceDefaults.Settings;

namespace ServiceDefaults.Tests;

public sealed class SecretTextTests
{
    private const string Secret = "mhw_live_ExampleOnly000000000000000000000";

    [Theory]
    [InlineData(Secret)]
    [InlineData(Secret + "\n")]
    [InlineData("\t " + Secret + " \r\n\r\n")]
    [InlineData("\u00A0" + Secret + "\u2003")]
    public void White_space_around_a_secret_is_not_part_of_it(string text) => Assert.Equal(Secret, SecretText.Trim(text));

    [Fact]
    public void A_password_only_loses_line_ends() => Assert.Equal(" of my own ", SecretText.TrimLineEnds(" of my own \r\n\n"));

    [Theory]
    [InlineData(Secret)]
    [InlineData("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw==")]
    [InlineData("an operator's key")]
    [InlineData("'tis")]
    [InlineData("it's\"")]
    [InlineData("pässwörd 🔑")]
    public void Whatever_can_be_meant_is_taken(string secret) => Assert.Null(SecretText.FindError(secret));

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData(" a")]
    [InlineData("a\n")]
    [InlineData("\"a\"")]
    [InlineData("'a'")]
    [InlineData("\u201Ca\u201D")]
    [InlineData("\"\"")]
    [InlineData("a\nb")]
    [InlineData("a\0b")]
    [InlineData("a\tb")]
    [InlineData("a\u200Bb")]
    [InlineData("\uFEFFa")]
    [InlineData("a\u2028b")]
    [InlineData("a\uFFFDb")]
    [InlineData("a\uD83Db")]
    public void What_cannot_be_meant_is_described_without_the_secret(string secret)
    {
        var error = SecretText.FindError(secret);

        Assert.EndsWith(".", error, StringComparison.Ordinal);
        Assert.DoesNotContain("a\"", error, StringComparison.Ordinal);
    }
}
