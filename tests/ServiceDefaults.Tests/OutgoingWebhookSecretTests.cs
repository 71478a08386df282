using Platform.ServiceDefaults.Settings;

namespace ServiceDefaults.Tests;

/// <summary>The receivers' keys for the platform's webhooks, tested against vectors computed by other programs.</summary>
public sealed class OutgoingWebhookSecretTests
{
    private const string First = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private const string Second = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    // By Python's hmac, after RFC 5869. The first also by OpenSSL 3.0:
    // openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt hexkey:<secret> -kdfopt info:webhook-receiver-v1:<audience> -binary HKDF | base64
    [Theory]
    [InlineData(First, "https://example.com/hooks", "https://example.com:443", "whsec_+lbvkg5xjcJbIrQmpQHTOZekQ5rD88EDrlA48LgOV7E=")]
    [InlineData(First, "http://example.com/", "http://example.com:80", "whsec_+35+91fXnbfEY549aECcRlx0AQyAyPLuQQWSMWBLr+8=")]
    [InlineData(First, "http://[0:0:0:0:0:0:0:1]:8080/", "http://[::1]:8080", "whsec_ul0YEtrPuAOrwa6to3wpEvkiHbhLIWEemtjtiG0ojxs=")]
    [InlineData(First, "https://bücher.example", "https://xn--bcher-kva.example:443", "whsec_C2XanpvmzFigfC1AGzsheg3iKVoGIdVvHVPLNbslZFI=")]
    [InlineData(Second, "https://example.com/hooks", "https://example.com:443", "whsec_xIXbgKNPF8lxHhh8GsjTtLSWAERgCAx13+1vUcRm1Xo=")]
    [InlineData(Second, "https://xn--bcher-kva.example/", "https://xn--bcher-kva.example:443", "whsec_r5qMvEuCCorWLVTQSp0VNr0PRWT7m1OZ6dSsFiTy0LA=")]
    public void A_receivers_key_is_that_of_its_origin(string secret, string url, string audience, string key)
    {
        Assert.True(OutgoingWebhookSecret.TryRead(secret, out var bytes));

        Assert.Equal(audience, OutgoingWebhookSecret.AudienceOf(new Uri(url)));
        Assert.Equal(key, OutgoingWebhookSecret.Write(OutgoingWebhookSecret.DeriveFor(audience, bytes)));
        Assert.True(OutgoingWebhookSecret.TryRead(key, out _));
    }

    [Theory]
    [InlineData("https://example.com:443", "HTTPS://EXAMPLE.com", "https://example.com:443/a?b#c", "https://example.com./")]
    [InlineData("https://xn--bcher-kva.example:443", "https://BÜCHER.example/", "https://XN--BCHER-KVA.example/", "https://bücher.example./")]
    [InlineData("http://127.0.0.1:80", "http://127.1/", "http://0x7f.0.0.1/", "http://2130706433/", "http://127.0.0.1")]
    [InlineData("http://[fe80::1]:80", "http://[FE80::0001%25eth0]/", "http://[fe80:0::1]:80/")]
    public void Every_way_of_writing_an_origin_leads_to_one_audience(string audience, params string[] urls)
    {
        Assert.All(urls, url => Assert.Equal(audience, OutgoingWebhookSecret.AudienceOf(new Uri(url))));
    }

    [Theory]
    [InlineData("http://example.com")]
    [InlineData("https://example.com:8443")]
    [InlineData("https://www.example.com")]
    [InlineData("https://example.com.evil.example")]
    public void Another_scheme_host_or_port_is_another_audience(string url)
    {
        Assert.NotEqual("https://example.com:443", OutgoingWebhookSecret.AudienceOf(new Uri(url)));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("whsec_")]
    [InlineData("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    [InlineData("whsec_not base64 at all!")]
    // 23 and 65 bytes.
    [InlineData("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaQ=")]
    [InlineData("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    public void What_is_no_secret(string? text) => Assert.False(OutgoingWebhookSecret.TryRead(text, out _));
}
