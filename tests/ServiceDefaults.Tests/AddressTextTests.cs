using System.Net;
using Platform.ServiceDefaults.Settings;

namespace ServiceDefaults.Tests;

public sealed class AddressTextTests
{
    [Theory]
    [InlineData("10.1.2.3", "10.1.2.3/32")]
    [InlineData("0.0.0.10", "0.0.0.10/32")]
    [InlineData("::ffff:10.1.2.3", "10.1.2.3/32")]
    [InlineData("2001:DB8:0::1", "2001:db8::1/128")]
    [InlineData("10.0.0.0/8", "10.0.0.0/8")]
    [InlineData("0.0.0.0/0", "0.0.0.0/0")]
    [InlineData("::/0", "::/0")]
    [InlineData("2001:db8:0::/48", "2001:db8::/48")]
    [InlineData("::ffff:10.0.0.0/104", "10.0.0.0/8")]
    public void An_address_or_network_is_read_as_it_is_written(string text, string network)
    {
        Assert.True(AddressText.TryReadRange(text, out var read));
        Assert.Equal(IPNetwork.Parse(network), read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("10")]
    [InlineData("10.1")]
    [InlineData("010.0.0.1")]
    [InlineData("10.0.0.01")]
    [InlineData("0x0a.0.0.1")]
    [InlineData("167772161")]
    [InlineData(" 10.0.0.1")]
    [InlineData("10.0.0.1:80")]
    [InlineData("[::1]")]
    [InlineData("[::1]:80")]
    [InlineData("fe80::1%1")]
    [InlineData("10/8")]
    [InlineData("010.0.0.0/8")]
    [InlineData("10.0.0.0/")]
    [InlineData("10.0.0.0/033")]
    [InlineData("10.0.0.0/33")]
    [InlineData("10.0.0.1/8")]
    [InlineData("10.0.0.0/8/8")]
    [InlineData("hooks.internal")]
    public void Anything_else_is_rejected_instead_of_read_as_another_address(string text) => Assert.False(AddressText.TryReadRange(text, out _));
}
