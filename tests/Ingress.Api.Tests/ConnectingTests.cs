using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Ingress.Api.Publishing;
using MassTransit;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Ingress.Api.Tests;

/// <summary>How the bus reaches a cluster.</summary>
public sealed class ConnectingTests
{
    [Fact]
    public async Task Every_node_is_asked_to_prove_its_own_name()
    {
        using var named = Listen();
        using var numbered = Listen();
        await using var services = Services($"amqps://localhost:{Port(named)},127.0.0.1:{Port(numbered)}/");
        var bus = services.GetRequiredService<IBusControl>();
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);

        var start = bus.StartAsync(enough.Token);
        var names = await Task.WhenAll(NameAskedForAsync(named), NameAskedForAsync(numbered));

        // To an address no name is sent.
        Assert.Equal(["localhost", ""], names);
        await enough.CancelAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => start);
    }

    private static ServiceProvider Services(string broker)
    {
        var services = new ServiceCollection();
        services.AddSingleton<IConfiguration>(new ConfigurationBuilder()
            .AddInMemoryCollection([new("ConnectionStrings:RabbitMq", broker)])
            .Build());
        services.AddLogging();
        services.AddPublishing();
        return services.BuildServiceProvider();
    }

    private static TcpListener Listen()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return listener;
    }

    private static int Port(TcpListener listener) => ((IPEndPoint)listener.LocalEndpoint).Port;

    private static async Task<string> NameAskedForAsync(TcpListener node)
    {
        using var connection = await node.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
        await using var tls = new SslStream(connection.GetStream());
        var name = "";
        ServerOptionsSelectionCallback hangUp = (_, hello, _, _) =>
        {
            name = hello.ServerName;
            throw new AuthenticationException("That was all we wanted to know.");
        };
        await Assert.ThrowsAsync<AuthenticationException>(
            () => tls.AuthenticateAsServerAsync(hangUp, state: null, TestContext.Current.CancellationToken));
        return name;
    }
}
