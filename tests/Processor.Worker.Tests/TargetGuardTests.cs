using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Options;
using Platform.DevStack;
using Processor.Worker.Notifications;

namespace Processor.Worker.Tests;

/// <summary>Users choose the targets of the platform's webhooks; none may lead into the internal network.</summary>
public sealed class TargetGuardTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("10.1.2.3")]
    [InlineData("100.64.0.1")]
    [InlineData("127.0.0.1")]
    [InlineData("127.255.255.254")]
    [InlineData("169.254.169.254")]
    [InlineData("172.16.0.1")]
    [InlineData("172.31.255.255")]
    [InlineData("192.0.0.192")]
    [InlineData("192.168.1.1")]
    [InlineData("198.19.0.1")]
    [InlineData("224.0.0.1")]
    [InlineData("240.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("::ffff:93.184.215.14")]
    [InlineData("::7f00:1")]
    [InlineData("64:ff9b::7f00:1")]
    [InlineData("64:ff9b:1::a00:1")]
    [InlineData("fc00::1")]
    [InlineData("fd00:ec2::254")]
    [InlineData("fe80::1")]
    [InlineData("fec0::1")]
    [InlineData("ff02::1")]
    [InlineData("2001::1")]
    [InlineData("2001:db8::1")]
    [InlineData("2002:7f00:1::1")]
    [InlineData("3fff::1")]
    [InlineData("168.63.129.16")]
    [InlineData("fd20:ce::254")]
    public void An_address_that_is_not_public_is_not_allowed(string address) => Assert.False(Guard().IsAllowed(IPAddress.Parse(address)));

    [Theory]
    [InlineData("93.184.215.14")]
    [InlineData("100.63.255.255")]
    [InlineData("172.32.0.1")]
    [InlineData("2606:2800:21f:cb07:6820:80da:af6b:8b2c")]
    public void A_public_address_is_allowed(string address) => Assert.True(Guard().IsAllowed(IPAddress.Parse(address)));

    [Theory]
    [InlineData("::/0", "::ffff:0.0.0.0")]
    [InlineData("::/0", "::ffff:127.0.0.1")]
    [InlineData("::/0", "::ffff:10.0.0.1")]
    [InlineData("::/0", "64:ff9b::7f00:1")]
    [InlineData("::/0", "64:ff9b::a9fe:a9fe")]
    [InlineData("64:ff9b::/96", "64:ff9b::a00:1")]
    [InlineData("64:ff9b:1::/48", "64:ff9b:1::a00:1")]
    [InlineData("2002::/16", "2002:a00:1::1")]
    [InlineData("2001::/32", "2001::f5ff:fffe")]
    [InlineData("10.0.0.0/8", "::ffff:127.0.0.1")]
    public void An_allowed_network_of_IPv6_admits_no_IPv4_address_in_disguise(string allowed, string address) =>
        Assert.False(Guard(allowed: [allowed]).IsAllowed(IPAddress.Parse(address)));

    [Theory]
    [InlineData("64:ff9b::/96", "64:ff9b::5db8:d70e")]
    [InlineData("10.0.0.0/8", "::ffff:10.0.0.1")]
    [InlineData("::ffff:10.0.0.0/104", "10.0.0.1")]
    [InlineData("::ffff:10.0.0.0/104", "::ffff:10.0.0.1")]
    [InlineData("fd00:1::/32", "fd00:1::1")]
    public void An_allowed_network_admits_its_own_addresses_in_either_form(string allowed, string address) =>
        Assert.True(Guard(allowed: [allowed]).IsAllowed(IPAddress.Parse(address)));

    [Theory]
    [InlineData("169.254.169.254")]
    [InlineData("169.254.170.2")]
    [InlineData("169.254.170.23")]
    [InlineData("::ffff:169.254.169.254")]
    [InlineData("64:ff9b::a9fe:a9fe")]
    [InlineData("2002:a9fe:a9fe::1")]
    [InlineData("2001::5601:5601")]
    [InlineData("fd00:ec2::254")]
    [InlineData("fd00:ec2::23")]
    [InlineData("fd20:ce::254")]
    [InlineData("fd00:42::42")]
    [InlineData("168.63.129.16")]
    [InlineData("100.100.100.200")]
    [InlineData("192.0.0.192")]
    [InlineData("0.0.0.0")]
    [InlineData("::")]
    [InlineData("fe80::1")]
    [InlineData("224.0.0.1")]
    [InlineData("fd00:c1::a9fe:a9fe")]
    [InlineData("fd00:a9fe:a9fe::1")]
    [InlineData("fd00:100::100:200")]
    public void A_metadata_service_is_denied_whatever_is_allowed(string address) =>
        Assert.False(Guard(allowed: ["0.0.0.0/0", "::/0"]).IsAllowed(IPAddress.Parse(address)));

    [Theory]
    [InlineData("93.184.215.14", "93.184.215.14", false)]
    [InlineData("93.184.215.0/24", "::ffff:93.184.215.14", false)]
    [InlineData("93.184.215.0/24", "64:ff9b::5db8:d70e", false)]
    [InlineData("::ffff:93.184.215.14", "93.184.215.14", false)]
    [InlineData("2606:2800::/32", "2606:2800:21f::1", false)]
    [InlineData("93.184.215.0/24", "93.184.216.14", true)]
    public void A_denied_target_is_refused_although_it_is_public_and_allowed(string denied, string address, bool isAllowed) =>
        Assert.Equal(isAllowed, Guard(allowed: ["0.0.0.0/0", "::/0"], denied: [denied]).IsAllowed(IPAddress.Parse(address)));

    [Fact]
    public async Task A_denied_address_is_not_reached_by_an_allowed_name()
    {
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        var port = new Uri(receiver.Url).Port;
        using var http = Client(Guard(allowed: [$"localhost:{port}"], denied: ["127.0.0.0/8", "::1"]));

        var failure = await Record.ExceptionAsync(() => http.GetAsync(new Uri($"http://localhost:{port}/"), Cancel));

        Assert.True(failure is TargetRefusedException || failure?.InnerException is TargetRefusedException, $"{failure}");
        Assert.Empty(receiver.Received);
    }

    [Theory]
    [InlineData("http://127.0.0.1")]
    [InlineData("http://localhost")]
    [InlineData("http://2130706433")]
    [InlineData("http://0x7f.1")]
    [InlineData("http://0177.0.0.1")]
    [InlineData("http://127.1")]
    [InlineData("http://[::1]")]
    [InlineData("http://[::ffff:127.0.0.1]")]
    [InlineData("http://[0:0:0:0:0:ffff:7f00:0001]")]
    public async Task Whichever_way_our_own_machine_is_written_it_is_not_reached(string host)
    {
        using var listener = new TcpListener(IPAddress.IPv6Any, 0) { Server = { DualMode = true } };
        listener.Start();
        var url = new Uri($"{host}:{((IPEndPoint)listener.LocalEndpoint).Port}/");
        using var http = Client(Guard());

        var failure = await Assert.ThrowsAnyAsync<Exception>(() => http.GetAsync(url, Cancel));

        Assert.True(failure is TargetRefusedException || failure.InnerException is TargetRefusedException, $"{failure}");
        Assert.False(listener.Pending());
    }

    [Fact]
    public async Task A_name_that_is_public_at_first_and_private_a_moment_later_is_not_reached()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var asked = 0;
        var guard = new TargetGuard(
            Options.Create(new OutgoingWebhookOptions()),
            (_, _) => Task.FromResult<IPAddress[]>([Interlocked.Increment(ref asked) == 1 ? IPAddress.Parse("192.0.2.1") : IPAddress.Loopback]));
        using var http = Client(guard);
        var url = new Uri($"http://rebinding.example:{((IPEndPoint)listener.LocalEndpoint).Port}/");

        // The check and the connection use one answer of the resolver, not two; the next connection is checked again.
        await Assert.ThrowsAnyAsync<Exception>(() => http.GetAsync(url, Cancel));
        Assert.Equal(1, asked);
        await Assert.ThrowsAnyAsync<Exception>(() => http.GetAsync(url, Cancel));

        Assert.Equal(2, asked);
        Assert.False(listener.Pending());
    }

    [Fact]
    public async Task One_bad_address_among_several_is_enough()
    {
        var guard = new TargetGuard(
            Options.Create(new OutgoingWebhookOptions()),
            (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Parse("93.184.215.14"), IPAddress.Parse("10.0.0.1")]));
        using var http = Client(guard);

        var failure = await Assert.ThrowsAnyAsync<Exception>(() => http.GetAsync(new Uri("http://both.example/"), Cancel));

        Assert.True(failure is TargetRefusedException || failure.InnerException is TargetRefusedException, $"{failure}");
    }

    [Theory]
    [InlineData("localhost:{0}", "http://localhost:{0}/", true)]
    [InlineData("LocalHost:{0}", "http://localhost:{0}/", true)]
    [InlineData("127.0.0.1:{0}", "http://127.0.0.1:{0}/", true)]
    [InlineData("127.0.0.0/8", "http://localhost:{0}/", true)]
    [InlineData("localhost:1", "http://localhost:{0}/", false)]
    [InlineData("127.0.0.1:{0}", "http://localhost:{0}/", false)]
    [InlineData("10.0.0.0/8", "http://localhost:{0}/", false)]
    public async Task What_is_allowed_by_name_or_by_network_is_reached(string allowed, string url, bool isReached)
    {
        await using var receiver = await WebhookReceiver.StartAsync(Cancel);
        var port = new Uri(receiver.Url).Port;
        // The receiver listens only on IPv4.
        var guard = new TargetGuard(
            Options.Create(new OutgoingWebhookOptions { AllowedTargets = [string.Format(null, allowed, port)] }),
            (host, token) => Dns.GetHostAddressesAsync(host, AddressFamily.InterNetwork, token));
        using var http = Client(guard);

        var failure = await Record.ExceptionAsync(() => http.GetAsync(new Uri(string.Format(null, url, port)), Cancel));

        Assert.Equal(isReached, failure is null);
        Assert.Equal(isReached ? 1 : 0, receiver.Received.Count);
    }

    private static TargetGuard Guard(string[]? allowed = null, string[]? denied = null) => new(
        Options.Create(new OutgoingWebhookOptions { AllowedTargets = allowed ?? [], DeniedTargets = denied ?? [] }),
        (host, token) => Dns.GetHostAddressesAsync(host, token));

    private static HttpClient Client(TargetGuard guard) => new(new SocketsHttpHandler { ConnectCallback = guard.ConnectAsync, UseProxy = false });
}
