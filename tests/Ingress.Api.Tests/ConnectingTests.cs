using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Ingress.Api.Publishing;
using MassTransit;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Ingress.Api.Tests;

/// <summary>How the broker is reached: each node of a cluster, and by TLS none but the one that was meant.</summary>
public sealed class ConnectingTests
{
    [Fact]
    public async Task Every_node_is_asked_to_prove_its_own_name()
    {
        using var named = Listen();
        using var numbered = Listen();
        await using var services = Services($"amqps://localhost:{Port(named)},127.0.0.1:{Port(numbered)}/");
        await using var monitor = await StartAsync(services);

        var names = await Task.WhenAll(NameAskedForAsync(named), NameAskedForAsync(numbered));

        // To an address no name is sent.
        Assert.Equal(["localhost", ""], names);
    }

    [Fact]
    public async Task A_certificate_that_nobody_vouches_for_is_enough_by_default_and_not_for_us()
    {
        using var certificate = TestCertificate.SelfSigned("localhost");
        using var fooled = Listen();
        using var doubted = Listen();
        var byDefault = Bus.Factory.CreateUsingRabbitMq(rabbit => rabbit.Host(
            "localhost", (ushort)Port(fooled), "/", host => host.UseSsl(ssl => ssl.ServerName = "localhost")));
        await using var services = Services($"amqps://localhost:{Port(doubted)}/");
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);

        var start = byDefault.StartAsync(enough.Token);
        await using var monitor = await StartAsync(services);
        var told = await Task.WhenAll(FirstWordAsync(fooled, certificate), FirstWordAsync(doubted, certificate));

        Assert.Equal(["AMQP", null], told);
        await enough.CancelAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => start);
    }

    private static async Task<IAsyncDisposable> StartAsync(ServiceProvider services)
    {
        var monitor = services.GetRequiredService<BrokerMonitor>();
        await monitor.StartAsync(TestContext.Current.CancellationToken);
        return new Stopping(monitor);
    }

    private static ServiceProvider Services(string broker)
    {
        var services = new ServiceCollection();
        services.AddSingleton(TimeProvider.System);
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

    /// <summary>What a client says first once it trusts this server; null when it does not.</summary>
    private static async Task<string?> FirstWordAsync(TcpListener node, X509Certificate2 certificate)
    {
        using var connection = await node.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
        await using var tls = new SslStream(connection.GetStream());
        var word = new byte[4];
        try
        {
            await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = certificate }, TestContext.Current.CancellationToken);
            await tls.ReadExactlyAsync(word, TestContext.Current.CancellationToken);
            return Encoding.ASCII.GetString(word);
        }
        catch (Exception exception) when (exception is IOException or AuthenticationException)
        {
            return null;
        }
    }

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

    private sealed class Stopping(BrokerMonitor monitor) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync() => await monitor.StopAsync(CancellationToken.None);
    }
}
