using System.Net;
using System.Net.Sockets;

namespace Platform.DevStack.Tests;

public sealed class FreePortTests
{
    [Fact]
    public void A_port_is_given_to_one_server_although_that_has_not_bound_it_yet()
    {
        var preferred = Machine.FreePort();

        var ports = Enumerable.Range(0, 200).AsParallel().Select(_ => Machine.FreePort()).Append(preferred).Append(Machine.FreePort(preferred)).ToArray();

        Assert.Equal(ports.Length, ports.Distinct().Count());
    }

    [Fact]
    public async Task Nor_is_it_given_to_another_process()
    {
        var port = Machine.FreePort();

        // What a process of another checkout does first.
        var other = await Machine.RunAsync(
            "python3", ["-c", $"import socket; socket.socket(socket.AF_UNIX).bind('\\0platform-port-{port}')"], TestContext.Current.CancellationToken);

        Assert.Contains("Address already in use", other.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_port_that_something_else_has_bound_is_not_given()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var bound = ((IPEndPoint)other.LocalEndpoint).Port;

        Assert.NotEqual(bound, Machine.FreePort(bound));
    }
}
