using System.Text.RegularExpressions;

namespace Ingress.Api.Tests;

/// <summary>The client's address behind proxies: the first one from the right that is not a trusted proxy's.</summary>
public sealed partial class ClientAddressTests
{
    private const string Client = "198.51.100.7";
    private const string Cdn = "203.0.113.5";

    // The connection itself comes from 127.0.0.1.
    private static readonly (string Name, string Value)[] Trusted =
        [("Ingress:TrustedProxies:0", "127.0.0.0/8"), ("Ingress:TrustedProxies:1", "203.0.113.0/24"), ("Ingress:TrustedProxies:2", "2001:db8::/32")];

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData(Client, Client)]
    [InlineData(Client, $"{Client}, {Cdn}")]
    [InlineData(Client, $"{Client}, {Cdn}, 203.0.113.6, 127.0.0.2")]
    [InlineData(Client, $"{Client},{Cdn}")]
    [InlineData(Client, Client, Cdn)]
    [InlineData(Client, $"192.0.2.1, {Client}", $"{Cdn}, 203.0.113.6")]
    [InlineData("203.0.113.9", "203.0.113.9, 203.0.113.5")]
    [InlineData("2001:db9::1", "2001:db9::1, 2001:db8::1")]
    public async Task It_is_the_first_from_the_right_that_is_not_trusted_however_many_proxies_there_are(string expected, params string[] forwardedFor) =>
        Assert.Equal(expected, await ReadClientAsync(forwardedFor));

    [Theory]
    [InlineData($"192.0.2.1, {Client}, {Cdn}")]
    [InlineData($"{Cdn}, {Client}, {Cdn}")]
    [InlineData($"127.0.0.1, {Client}, {Cdn}")]
    [InlineData($"192.0.2.1, {Client}")]
    [InlineData($"unknown, {Client}, {Cdn}")]
    [InlineData($"\", {Client}, {Cdn}")]
    [InlineData($"192.0.2.1\", {Client}, {Cdn}")]
    [InlineData($"\"192.0.2.1, {Client}, {Cdn}")]
    [InlineData($",,, {Client}, {Cdn}")]
    [InlineData("192.0.2.1", $"{Client}, {Cdn}")]
    [InlineData("\"", $"{Client}, {Cdn}")]
    public async Task What_the_client_claims_left_of_its_own_address_never_counts(params string[] forwardedFor) =>
        Assert.Equal(Client, await ReadClientAsync(forwardedFor));

    [Theory]
    [InlineData(Client, $"{Client}:5678, {Cdn}:443")]
    [InlineData(Client, $"::ffff:{Client}, {Cdn}")]
    [InlineData(Client, $"{Client}, ::ffff:{Cdn}")]
    [InlineData(Client, $"[::ffff:{Client}]:80, {Cdn}")]
    [InlineData("2001:db9::1", $"[2001:db9::1]:80, {Cdn}")]
    [InlineData("2001:db9::1", $"[2001:db9::1], {Cdn}")]
    [InlineData(Client, $"  {Client}\t,\t{Cdn} ")]
    public async Task Ports_brackets_and_mapped_addresses_make_no_other_peer(string expected, params string[] forwardedFor) =>
        Assert.Equal(expected, await ReadClientAsync(forwardedFor));

    [Theory]
    [InlineData(Cdn, $"unknown, {Cdn}")]
    [InlineData(Cdn, $"{Client}, unknown, {Cdn}")]
    [InlineData(Cdn, $"{Client}, 198.51.100.300, {Cdn}")]
    [InlineData(Cdn, $"{Client}, 7, {Cdn}")]
    [InlineData(Cdn, $"{Client}, {Client}:http, {Cdn}")]
    [InlineData("127.0.0.1", $"{Client}, 203.0.113.5.")]
    public async Task What_is_no_address_ends_the_search_at_the_proxy_that_reported_it(string expected, params string[] forwardedFor) =>
        Assert.Equal(expected, await ReadClientAsync(forwardedFor));

    [Fact]
    public async Task Hundreds_of_entries_are_read_no_further_than_the_client()
    {
        var claims = string.Join(',', Enumerable.Repeat("1.1.1.1", 900));

        Assert.Equal(Client, await ReadClientAsync([$"{claims}, {Client}, {Cdn}"]));
    }

    [Fact]
    public async Task Without_a_trusted_proxy_nothing_that_is_forwarded_counts() =>
        Assert.Equal("127.0.0.1", await ReadClientAsync([$"{Client}"], settings: []));

    [Theory]
    [InlineData("203.0.113.5")]
    [InlineData("203.0.113.4/31")]
    [InlineData("::ffff:203.0.113.5")]
    [InlineData("::ffff:203.0.113.4/127")]
    public async Task A_trusted_proxy_is_an_address_or_a_network_in_either_form(string proxy) =>
        Assert.Equal(Client, await ReadClientAsync([$"{Client}, {Cdn}"], [("Ingress:TrustedProxies:0", "127.0.0.1"), ("Ingress:TrustedProxies:1", proxy)]));

    [Fact]
    public async Task No_setting_of_the_framework_makes_it_believe_everyone() =>
        Assert.Equal("127.0.0.1", await ReadClientAsync([$"{Client}"], [("ForwardedHeaders_Enabled", "true")]));

    /// <returns>The address in the log line of a webhook without a signature.</returns>
    private static async Task<string> ReadClientAsync(string[] forwardedFor, (string Name, string Value)[]? settings = null)
    {
        await using var app = new IngressApp(settings ?? Trusted);
        using var connection = await RawConnection.OpenAsync(app.Address);
        await connection.SendAsync(string.Join("\r\n",
        [
            "POST /webhook HTTP/1.1", "Host: ingress", "Content-Type: application/json", "Content-Length: 0", "User-Agent: test", "Connection: close",
            .. forwardedFor.Select(value => $"X-Forwarded-For: {value}"), "", "",
        ]));
        await connection.ReadToEndAsync();
        return Assert.Single(app.Log.Lines.Select(line => ClientOfWebhook().Match(line)), match => match.Success).Groups["client"].Value;
    }

    [GeneratedRegex("^Information: Webhook .* to (?<client>.+), test ")]
    private static partial Regex ClientOfWebhook();
}
