using System.Net;
using Ingress.Api.Webhooks;
using Microsoft.Extensions.Time.Testing;

namespace Ingress.Api.Tests;

public sealed class PeerFailuresTests
{
    private const int Limit = 100;

    private readonly FakeTimeProvider _time = new();

    [Theory]
    [InlineData("203.0.113.7", "203.0.113.7", true)]
    [InlineData("203.0.113.7", "::ffff:203.0.113.7", true)]
    [InlineData("203.0.113.7", "203.0.113.8", false)]
    [InlineData("::ffff:203.0.113.7", "::ffff:203.0.113.8", false)]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true)]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:3::1", false)]
    public void An_address_shares_the_limit_of_its_peer(string failing, string other, bool isShared)
    {
        var failures = Exceed(IPAddress.Parse(failing));

        Assert.Equal(isShared, failures.Count(IPAddress.Parse(other)));
    }

    [Fact]
    public void A_peer_starts_again_after_ten_seconds()
    {
        var failures = Exceed(IPAddress.Loopback);

        _time.Advance(TimeSpan.FromSeconds(9.9));
        Assert.True(failures.Count(IPAddress.Loopback));
        _time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.False(failures.Count(IPAddress.Loopback));
    }

    [Fact]
    public void A_full_table_counts_further_peers_as_one_and_remembers_the_others()
    {
        var failures = Exceed(IPAddress.Loopback);
        var over = 0;

        for (var i = 0; i < PeerFailures.MaxPeers * 2; i++)
        {
            over += failures.Count(new IPAddress([10, (byte)(i >> 16), (byte)(i >> 8), (byte)i])) ? 1 : 0;
        }

        Assert.Equal(PeerFailures.MaxPeers + 1 - Limit, over);
        Assert.Equal(PeerFailures.MaxPeers + 1, failures.Peers);
        Assert.True(failures.Count(IPAddress.Loopback));
    }

    private PeerFailures Exceed(IPAddress peer)
    {
        var failures = new PeerFailures(_time);
        for (var i = 0; i < Limit; i++)
        {
            Assert.False(failures.Count(peer));
        }

        return failures;
    }
}
