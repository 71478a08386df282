using System.Net;
using Platform.ServiceDefaults.Hosting;

namespace ServiceDefaults.Tests;

public sealed class DirectLoopbackTests
{
    private static readonly DirectLoopback Proxy = new(new WebProxy("http://proxy.example:3128"));

    [Theory]
    [InlineData("http://127.0.0.1:8080/webhook")]
    [InlineData("http://127.9.9.9/")]
    [InlineData("http://localhost:15672/api")]
    [InlineData("https://[::1]:8443/")]
    public void This_machine_is_asked_directly(string address)
    {
        Assert.Null(Proxy.GetProxy(new Uri(address)));
        Assert.True(Proxy.IsBypassed(new Uri(address)));
    }

    [Theory]
    [InlineData("http://collector:4317")]
    [InlineData("https://api.example.com/")]
    [InlineData("http://10.0.0.1/")]
    public void Every_other_one_through_the_proxy(string address)
    {
        Assert.Equal(new Uri("http://proxy.example:3128"), Proxy.GetProxy(new Uri(address)));
        Assert.False(Proxy.IsBypassed(new Uri(address)));
    }
}
