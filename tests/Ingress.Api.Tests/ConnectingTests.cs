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
using Platform.DevStack;

namespace Ingress.Api.Tests;

/// <summary>Connecting to the broker: every node of a cluster and, with TLS, only the intended server.</summary>
public sealed class ConnectingTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("connecting");

    [Fact]
    public async Task Every_node_is_asked_to_prove_its_own_name()
    {
        using var named = Listen();
        using var numbered = Listen();
        await using var services = Services($"amqps://localhost:{Port(named)},127.0.0.1:{Port(numbered)}/");
        await using var connection = await StartAsync(services);

        var names = await Task.WhenAll(NameAskedForAsync(named), NameAskedForAsync(numbered));

        // No server name is sent to an IP address.
        Assert.Equal(["localhost", ""], names);
    }

    [Fact]
    public async Task MassTransit_accepts_an_untrusted_certificate_by_default_and_the_platform_does_not()
    {
        using var certificate = TestCertificate.SelfSigned("localhost");
        using var fooled = Listen();
        using var doubted = Listen();
        var byDefault = Bus.Factory.CreateUsingRabbitMq(rabbit => rabbit.Host(
            "localhost", (ushort)Port(fooled), "/", host => host.UseSsl(ssl => ssl.ServerName = "localhost")));
        await using var services = Services($"amqps://localhost:{Port(doubted)}/");
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);

        var start = byDefault.StartAsync(enough.Token);
        await using var connection = await StartAsync(services);
        var answers = await Task.WhenAll(FirstWordAsync(fooled, certificate), FirstWordAsync(doubted, certificate));

        Assert.Equal(["AMQP", null], answers);
        await enough.CancelAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => start);
    }

    [Theory]
    [InlineData("AMQP", "named", "localhost")]
    [InlineData(null, "another", "localhost")]
    [InlineData(null, "named", "another.example.com")]
    [InlineData(null, "named", "localhost", true)]
    public async Task A_broker_is_trusted_by_the_named_authority_alone_and_for_its_own_name(string? word, string issuer, string host, bool isExpired = false)
    {
        using var named = new TestAuthority(Path.Combine(_folder.FullName, "named"), "named");
        using var another = new TestAuthority(Path.Combine(_folder.FullName, "another"), "another");
        using var certificate = (issuer == "named" ? named : another).Issue(host, isExpired).Load();
        using var node = Listen();
        await using var services = Services($"amqps://localhost:{Port(node)}/", named.CertificateFile);
        await using var connection = await StartAsync(services);

        Assert.Equal(word, await FirstWordAsync(node, certificate));
    }

    [Fact]
    public async Task An_authority_that_replaces_another_in_its_file_counts_from_the_next_connection()
    {
        using var old = new TestAuthority(Path.Combine(_folder.FullName, "old"), "old");
        using var replacement = new TestAuthority(Path.Combine(_folder.FullName, "new"), "new");
        using var certificate = replacement.Issue("localhost").Load();
        using var node = Listen();
        await using var services = Services($"amqps://localhost:{Port(node)}/", old.CertificateFile);
        await using var connection = await StartAsync(services);

        var before = await FirstWordAsync(node, certificate);
        File.Copy(replacement.CertificateFile, old.CertificateFile, overwrite: true);
        var after = await FirstWordAsync(node, certificate);

        Assert.Equal((null, "AMQP"), (before, after));
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private static async Task<IAsyncDisposable> StartAsync(ServiceProvider services)
    {
        var connection = services.GetRequiredService<PublisherConnection>();
        await connection.StartAsync(TestContext.Current.CancellationToken);
        return new Stopping(connection);
    }

    private static ServiceProvider Services(string broker, string? authorities = null)
    {
        var services = new ServiceCollection();
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton<IConfiguration>(new ConfigurationBuilder()
            .AddInMemoryCollection([new("ConnectionStrings:RabbitMq", broker), new("Broker:CertificateAuthorities", authorities)])
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

    /// <summary>The first bytes that a client sends once it trusts this server; null when it does not.</summary>
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

    private sealed class Stopping(PublisherConnection connection) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync() => await connection.StopAsync(CancellationToken.None);
    }
}
