using Ingress.Api.Webhooks;
using Microsoft.AspNetCore.Http;
using Platform.Simulator.MagicHour;

namespace Ingress.Api.Tests;

public sealed class SignatureTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Every_published_vector_is_accepted_under_its_secret_and_no_other()
    {
        var vectors = Samples.Vectors().ToArray();

        Assert.True(vectors.Length > 30);
        foreach (var (label, secret, timestamp, body, signature) in vectors)
        {
            var headers = Headers(timestamp, signature);
            byte[] signed = [.. System.Text.Encoding.ASCII.GetBytes($"{timestamp}."), .. body];
            var right = WebhookSecret.Create("right", secret);
            var wrong = WebhookSecret.Create("wrong", secret + "x");

            Assert.NotNull(headers);
            Assert.Equal(("right", label), (Signature.FindSecret(signed, headers.Mac, [wrong, right, wrong])?.Name, label));
            Assert.Null(Signature.FindSecret(signed, headers.Mac, [wrong]));
        }
    }

    [Fact]
    public void The_simulator_signs_like_the_vectors() =>
        Assert.All(Samples.Vectors(), vector => Assert.Equal(vector.Signature, Signing.Sign(vector.Secret, vector.Timestamp, vector.Body)));

    [Theory]
    [InlineData(null, "good")]
    [InlineData("1787234642", null)]
    [InlineData("", "good")]
    [InlineData("-1787234642", "good")]
    [InlineData("+1787234642", "good")]
    [InlineData("1787234642.0", "good")]
    [InlineData("1787234642000", "good")]
    [InlineData(" 1787234642", "good")]
    [InlineData("1e9", "good")]
    [InlineData("1787234642,1787234642", "good")]
    [InlineData("١٧٨٧٢٣٤٦٤٢", "good")]
    [InlineData("1787234642", "")]
    [InlineData("1787234642", "39a5a3a86b878042b5f42ea415cdbd620d7568bb053c323b0561ed0beb7e4c0")]
    [InlineData("1787234642", "39a5a3a86b878042b5f42ea415cdbd620d7568bb053c323b0561ed0beb7e4c022")]
    [InlineData("1787234642", "39A5A3A86B878042B5F42EA415CDBD620D7568BB053C323B0561ED0BEB7E4C02")]
    [InlineData("1787234642", "g9a5a3a86b878042b5f42ea415cdbd620d7568bb053c323b0561ed0beb7e4c02")]
    [InlineData("1787234642", "sha256=39a5a3a86b878042b5f42ea415cdbd620d7568bb053c323b0561ed0be")]
    [InlineData("1787234642", "39a5a3a86b878042b5f42ea415cdbd620d7568bb053c323b0561ed0beb7e4cé2")]
    public void What_is_not_two_well_formed_headers_is_malformed(string? timestamp, string? signature) =>
        Assert.Null(Headers(timestamp, signature == "good" ? "39a5a3a86b878042b5f42ea415cdbd620d7568bb053c323b0561ed0beb7e4c02" : signature));

    [Fact]
    public void A_header_that_comes_twice_is_malformed()
    {
        var headers = new HeaderDictionary
        {
            [Signing.TimestampHeader] = "1787234642",
            [Signing.SignatureHeader] = new[] { new string('0', 64), new string('0', 64) },
        };

        Assert.Null(SignatureHeaders.Read(headers));
    }

    [Theory]
    [InlineData("00:00:00", "Valid")]
    [InlineData("00:05:00", "Valid")]
    [InlineData("-00:05:00", "Valid")]
    [InlineData("-00:05:01", "Early")]
    [InlineData("00:05:01", "Late")]
    [InlineData("1.01:00:00", "Late")]
    [InlineData("1.01:00:01", "Stale")]
    public void Age_decides_what_an_authentic_signature_is_worth(string age, string expected) =>
        Assert.Equal(expected, $"{Signature.CheckAge(Now - TimeSpan.Parse(age), Now, new MagicHourOptions())}");

    [Fact]
    public void Late_events_are_refused_when_the_setting_says_so() =>
        Assert.Equal(
            Verification.RefusedAsLate,
            Signature.CheckAge(Now.AddMinutes(-6), Now, new MagicHourOptions { LatePolicy = LatePolicy.Reject }));

    private static SignatureHeaders? Headers(string? timestamp, string? signature) => SignatureHeaders.Read(new HeaderDictionary
    {
        [Signing.TimestampHeader] = timestamp,
        [Signing.SignatureHeader] = signature,
    });
}
