using Platform.ServiceDefaults.Broker;

namespace ServiceDefaults.Tests;

public sealed class BrokerAddressTests
{
    [Fact]
    public void One_node()
    {
        var address = BrokerAddress.Parse("amqp://user:pass@rabbit:5673/platform");

        Assert.Equal([new BrokerNode("rabbit", 5673)], address.Nodes);
        Assert.Equal(("user", "pass", "platform", false), (address.User, address.Password, address.VirtualHost, address.UseTls));
    }

    [Fact]
    public void A_cluster()
    {
        var address = BrokerAddress.Parse("amqps://user:pass@a:5671,b,[::1]:5680/v");

        Assert.Equal([new BrokerNode("a", 5671), new BrokerNode("b", 5671), new BrokerNode("::1", 5680)], address.Nodes);
        Assert.True(address.UseTls);
    }

    [Theory]
    [InlineData("amqp://localhost")]
    [InlineData("amqp://localhost/")]
    [InlineData("amqp://localhost:5672/%2F")]
    public void What_is_left_out_has_the_usual_value(string text)
    {
        var address = BrokerAddress.Parse(text);

        Assert.Equal([new BrokerNode("localhost", 5672)], address.Nodes);
        Assert.Equal(("guest", "guest", "/"), (address.User, address.Password, address.VirtualHost));
    }

    [Fact]
    public void Passwords_may_hold_anything()
    {
        Assert.Equal("p@ss:w/rd", BrokerAddress.Parse("amqp://user:p%40ss%3Aw%2Frd@host/").Password);
        Assert.Equal("p@ss", BrokerAddress.Parse("amqp://user:p@ss@host/").Password);
        Assert.Equal("pa/s?s#", BrokerAddress.Parse("amqp://user:pa%2Fs%3Fs%23@host/").Password);
    }

    [Fact]
    public void White_space_around_it_is_not_part_of_it() =>
        Assert.Equal(("secret", "v"), (BrokerAddress.Parse(" amqp://user:secret@host/v\r\n").Password, BrokerAddress.Parse("amqp://user:secret@host/v\n").VirtualHost));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("\"amqp://user:secret@host/v\"")]
    [InlineData("amqp://user:\"secret\"@host/v")]
    [InlineData("amqp://user:secret\n@host/v")]
    [InlineData("amqp://user:secret @host/v")]
    [InlineData("amqp://user\n:secret@host/v")]
    [InlineData("amqp://user:secret@host/v\u200B")]
    [InlineData("localhost:5672")]
    [InlineData("http://localhost")]
    [InlineData("amqp://")]
    [InlineData("amqp://user:secret@/v")]
    [InlineData("amqp://user:secret")]
    [InlineData("amqp://user:secret/v")]
    [InlineData("amqp://user:secret,host/v")]
    [InlineData("amqp://user:sec@secret/ret@host:port/v")]
    [InlineData("amqp://user:secret@a:5672,,b/v")]
    [InlineData("amqp://user:secret@host:port/v")]
    [InlineData("amqp://user:secret@host:70000/v")]
    public void What_is_not_an_address_is_refused_without_repeating_the_password(string? text)
    {
        Assert.False(BrokerAddress.TryParse(text, out _, out var error));
        Assert.DoesNotContain("secret", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("amqp://user:secret@host/v?heartbeat=10")]
    [InlineData("amqp://user:secret@host?heartbeat=10")]
    [InlineData("amqps://user:secret@a,b:5671/?verify=verify_none")]
    [InlineData("amqp://user:secret@host/?")]
    [InlineData("amqp://user:secret@host/v#x")]
    public void A_query_is_refused_and_does_not_become_a_virtual_host(string text)
    {
        Assert.False(BrokerAddress.TryParse(text, out _, out var error));
        Assert.StartsWith("has a query", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("amqp://user:secret@host/vhost?cacertfile=/etc/a@b")]
    [InlineData("amqp://user:secret@host/v@b")]
    [InlineData("amqp://user:secret@host?a@b")]
    [InlineData("amqp://user:secret@host#a@b")]
    [InlineData("amqp://user:sec/secret@host/v")]
    [InlineData("amqp://user:sec?secret@host/v")]
    [InlineData("amqp://us/er:secret@host/v")]
    public void What_ends_a_host_is_encoded_before_it(string text)
    {
        Assert.False(BrokerAddress.TryParse(text, out _, out var error));
        Assert.StartsWith("has a /, ? or # before its last @", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_virtual_host_may_hold_an_encoded_question_mark() =>
        Assert.Equal("what?#", BrokerAddress.Parse("amqp://user:p%3Fss@host/what%3F%23").VirtualHost);

    [Fact]
    public void Is_printed_without_user_and_password() =>
        Assert.Equal("a:5672,b:5672", $"{BrokerAddress.Parse("amqp://user:pass@a,b/v")}");
}
