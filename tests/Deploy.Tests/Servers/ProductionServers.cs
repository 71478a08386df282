using System.Net.Security;
using System.Text.Json.Nodes;
using k8s.Models;
using Npgsql;
using Platform.Contracts;
using Platform.LocalStack;
using RabbitMQ.Client;

[assembly: AssemblyFixture(typeof(Deploy.Tests.Servers.ProductionServers))]

namespace Deploy.Tests.Servers;

/// <summary>
/// A broker and a database as the production overlay has them, started when a test first asks for them: TLS by an authority of their own,
/// and the users, permissions, roles and SQL that are read from the manifests, with the passwords that <c>create-secrets</c> makes.
/// </summary>
public sealed class ProductionServers : IAsyncDisposable
{
    // The name in the certificates: 127.0.0.1 is the same machine under a name that they do not have.
    private const string Host = "localhost";

    private readonly SemaphoreSlim _starting = new(1);
    private Manifests? _manifests;
    private TestFolder? _folder;
    private TestAuthority? _authority;
    private TestAuthority? _stranger;
    private RabbitMqInstance? _broker;
    private PostgresInstance? _database;
    private int _brokerPort;

    /// <summary>What the services are told besides: the broker's authority.</summary>
    internal Dictionary<string, string?> Trust => new() { ["SSL_CERT_FILE"] = Authority.CertificateFile };

    internal TestAuthority Authority => _authority ?? throw new InvalidOperationException("Not started.");

    /// <summary>One that has issued nothing here.</summary>
    internal TestAuthority Stranger => _stranger ?? throw new InvalidOperationException("Not started.");

    internal RabbitMqInstance Broker => _broker ?? throw new InvalidOperationException("Not started.");

    internal TestFolder Folder => _folder ?? throw new InvalidOperationException("Not started.");

    /// <summary>The database as its superuser.</summary>
    internal string Superuser => new NpgsqlConnectionStringBuilder(_database!.ConnectionString) { Database = DatabaseName }.ConnectionString;

    private string DatabaseName => $"{Cluster.At("spec.bootstrap.initdb.database")}";

    private JsonNode Cluster => _manifests!.Of("Cluster").Single();

    /// <summary>Starts both the first time, and migrates as the user for it. Skips the test where servers are not started natively.</summary>
    internal async Task StartAsync(CancellationToken cancellationToken)
    {
        var choice = await TestServers.ChooseAsync(cancellationToken);
        Assert.SkipUnless(choice.Kind is TestServerKind.Native, $"It needs servers with certificates of its own, and this run uses {choice.Description}.");
        await _starting.WaitAsync(cancellationToken);
        try
        {
            if (_database is null)
            {
                await ServerPackages.EnsureAsync(cancellationToken);
                _manifests = Manifests.Parse(await Overlay.ReadAsync(Overlay.Production));
                _folder = await TestFolder.CreateAsync(cancellationToken);
                _authority = new TestAuthority(Path.Combine(_folder.Path, "authority"), "authority");
                _stranger = new TestAuthority(Path.Combine(_folder.Path, "stranger"), "stranger");
                var certificate = _authority.Issue(Host);
                await StartBrokerAsync(certificate, cancellationToken);
                await StartDatabaseAsync(certificate, cancellationToken);
                var migration = await Services.RunVerbAsync(
                    BrokerOf("migrate"), DatabaseOf("migrate"), ["migrate"], cancellationToken,
                    new Dictionary<string, string?>(Trust) { ["Broker__ManagementUrl"] = Broker.ManagementUrl });
                migration.ThrowIfFailed("migrate");
            }
        }
        finally
        {
            _starting.Release();
        }
    }

    /// <summary>The broker's connection string of a user, as its Secret has it, but for the place.</summary>
    internal string BrokerOf(string user, string host = Host)
    {
        var address = BrokerAddress.Parse(Secret($"{user}-broker", "ConnectionStrings__RabbitMq"));
        Assert.True(address.UseTls);
        return $"amqps://{address.User}:{address.Password}@{host}:{_brokerPort}/{address.VirtualHost}";
    }

    /// <summary>The database's connection string of a user, as its Secret has it, but for the place.</summary>
    internal string DatabaseOf(string user, string host = Host, string? authorityFile = null) =>
        new NpgsqlConnectionStringBuilder(Secret($"{user}-database", "ConnectionStrings__Postgres"))
        {
            Host = host,
            Port = new NpgsqlConnectionStringBuilder(_database!.ConnectionString).Port,
            RootCertificate = authorityFile ?? Authority.CertificateFile,
        }.ConnectionString;

    /// <summary>A channel with confirms; its connection ends with the run.</summary>
    internal static async Task<IChannel> ConnectAsync(BrokerAddress address, CancellationToken cancellationToken)
    {
        var factory = new ConnectionFactory
        {
            HostName = address.Nodes[0].Host,
            Port = address.Nodes[0].Port,
            UserName = address.User,
            Password = address.Password,
            VirtualHost = address.VirtualHost,
            // What certificates are worth is another test's question.
            Ssl = new SslOption(address.Nodes[0].Host, enabled: true) { AcceptablePolicyErrors = SslPolicyErrors.RemoteCertificateChainErrors },
        };
        var connection = await factory.CreateConnectionAsync(cancellationToken);
        var confirms = new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true);
        return await connection.CreateChannelAsync(confirms, cancellationToken);
    }

    internal string Secret(string name, string key) =>
        _manifests!.Of<V1Secret>().Single(secret => secret.Metadata.Name == name).StringData[key];

    public async ValueTask DisposeAsync()
    {
        if (_folder is not null)
        {
            await _folder.DisposeAsync();
        }

        _authority?.Dispose();
        _stranger?.Dispose();
        _starting.Dispose();
    }

    private async Task StartBrokerAsync((string Certificate, string Key) server, CancellationToken cancellationToken)
    {
        _brokerPort = Machine.FreePort();
        _broker = await RabbitMqServer.StartAsync(
            Path.Combine(Folder.Path, "rabbitmq"), withManagement: true, Folder.Daemons, cancellationToken,
            [
                $"listeners.ssl.1 = 127.0.0.1:{_brokerPort}", $"ssl_options.cacertfile = {Authority.CertificateFile}",
                $"ssl_options.certfile = {server.Certificate}", $"ssl_options.keyfile = {server.Key}",
            ]);
        foreach (var vhost in _manifests!.Of("Vhost"))
        {
            await Broker.ControlAsync(cancellationToken, "add_vhost", $"{vhost.At("spec.name")}");
            // The user of the server itself, as the cluster operator makes one.
            await Broker.ControlAsync(cancellationToken, "set_permissions", "-p", $"{vhost.At("spec.name")}", new Uri(Broker.Uri).UserInfo.Split(':')[0], ".*", ".*", ".*");
        }

        foreach (var user in _manifests.Of("User"))
        {
            var secret = $"{user.At("spec.importCredentialsSecret.name")}";
            await Broker.ControlAsync(cancellationToken, "add_user", Secret(secret, "username"), Secret(secret, "password"));
            string[] tags = [.. (user.At("spec.tags")?.AsArray() ?? []).Select(tag => $"{tag}")];
            await Broker.ControlAsync(cancellationToken, ["set_user_tags", Secret(secret, "username"), .. tags]);
        }

        foreach (var permission in _manifests.Of("Permission"))
        {
            await Broker.ControlAsync(
                cancellationToken, "set_permissions", "-p", $"{permission.At("spec.vhost")}", $"{permission.At("spec.userReference.name")}",
                $"{permission.At("spec.permissions.configure")}", $"{permission.At("spec.permissions.write")}", $"{permission.At("spec.permissions.read")}");
        }
    }

    private async Task StartDatabaseAsync((string Certificate, string Key) server, CancellationToken cancellationToken)
    {
        var database = await PostgresServer.StartAsync(
            Path.Combine(Folder.Path, "postgres"), isThrowAway: true, Folder.Daemons, cancellationToken,
            ["ssl=on", $"ssl_cert_file={server.Certificate}", $"ssl_key_file={server.Key}"]);
        var owner = $"{Cluster.At("spec.bootstrap.initdb.owner")}";
        var role = Cluster.List("spec.managed.roles").Single();
        await ExecuteAsync(database.ConnectionString, $"create role {owner} login password '{Secret("migrate-database", "password")}'", cancellationToken);
        await ExecuteAsync(database.ConnectionString, $"create database {DatabaseName} owner {owner}", cancellationToken);
        _database = database;
        foreach (var statement in Cluster.At("spec.bootstrap.initdb.postInitApplicationSQL")!.AsArray())
        {
            await ExecuteAsync(Superuser, $"{statement}", cancellationToken);
        }

        await ExecuteAsync(
            Superuser,
            $"alter role {role["name"]} login connection limit {role["connectionLimit"]} password '{Secret($"{role.At("passwordSecret.name")}", "password")}'",
            cancellationToken);
    }

    private static async Task ExecuteAsync(string connectionString, string sql, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
