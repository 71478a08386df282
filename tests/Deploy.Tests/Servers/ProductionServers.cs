using System.Net.Security;
using System.Text.Json.Nodes;
using k8s.Models;
using Npgsql;
using Platform.DevStack;
using Platform.ServiceDefaults.Broker;
using RabbitMQ.Client;

namespace Deploy.Tests.Servers;

/// <summary>The tests on <see cref="ProductionServers"/>, one at a time: a worker of one test would take the messages and notifications of another.</summary>
[CollectionDefinition]
public sealed class OnProductionServers : ICollectionFixture<ProductionServers>;

/// <summary>
/// A broker and a database configured like the production overlay, started when a test first needs them: TLS with their own authority, and
/// the users, permissions, roles and SQL from the manifests, with the passwords that <c>create-secrets</c> generates. In containers they
/// also have production's releases.
/// </summary>
public sealed class ProductionServers : IAsyncDisposable
{
    // The name in the certificates: 127.0.0.1 is the same machine under a name that they do not contain.
    private const string Host = "localhost";

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Task> _otherServices = [];
    private Task? _started;
    private Manifests? _manifests;
    private TestFolder? _folder;
    private TestAuthority? _authority;
    private TestAuthority? _stranger;
    private ProductionBroker? _broker;
    private ProductionDatabase? _database;

    /// <summary>The setting that makes the services trust the broker, and no other server.</summary>
    internal Dictionary<string, string?> Trust => new() { ["Broker__CertificateAuthorities"] = Authority.CertificateFile };

    internal TestAuthority Authority => _authority ?? throw new InvalidOperationException("Not started.");

    /// <summary>An authority that has issued no certificate here.</summary>
    internal TestAuthority Stranger => _stranger ?? throw new InvalidOperationException("Not started.");

    internal ProductionBroker Broker => _broker ?? throw new InvalidOperationException("Not started.");

    internal TestFolder Folder => _folder ?? throw new InvalidOperationException("Not started.");

    /// <summary>The database as its superuser.</summary>
    internal string Superuser => new NpgsqlConnectionStringBuilder(_database!.ConnectionString) { Database = DatabaseName }.ConnectionString;

    private string DatabaseName => $"{Cluster.At("spec.bootstrap.initdb.database")}";

    /// <summary>The logins to which the migration grants rights.</summary>
    private IEnumerable<KeyValuePair<string, string?>> DatabaseRoles => _manifests!.Of<V1ConfigMap>().Single(map => map.Metadata.Name == "migrate").Data
        .Where(setting => setting.Key.StartsWith("DatabaseRoles__", StringComparison.Ordinal))
        .Select(setting => KeyValuePair.Create(setting.Key, (string?)setting.Value));

    private JsonNode Cluster => _manifests!.Of("Cluster").Single();

    /// <summary>Starts both on first use, and migrates as the user for that. Skips the test when external servers are configured.</summary>
    internal async Task StartAsync(CancellationToken cancellationToken)
    {
        var choice = await TestServers.ChooseAsync(cancellationToken);
        Assert.SkipWhen(choice.Kind is TestServerKind.Given, $"It needs servers with certificates of its own, and this run uses {choice.Description}.");
        Task started;
        lock (_lock)
        {
            // A failure of the first start fails every test.
            started = _started ??= StartOnceAsync(choice.Kind, cancellationToken);
        }

        await started;
    }

    /// <summary>A user's connection string for the broker from its Secret, with the address replaced.</summary>
    internal string BrokerOf(string user, string host = Host)
    {
        var address = BrokerAddress.Parse(Secret($"{user}-broker", "ConnectionStrings__RabbitMq"));
        Assert.True(address.UseTls);
        return $"amqps://{address.User}:{address.Password}@{host}:{Broker.TlsPort}/{address.VirtualHost}";
    }

    /// <summary>The broker's management API, over TLS.</summary>
    internal string ManagementUrlOf(string host = Host) => $"https://{host}:{Broker.ManagementTlsPort}";

    /// <summary>A user's login to the broker; the scaler, which uses HTTP only, has no connection string.</summary>
    internal BrokerAddress LoginOf(string user) =>
        BrokerAddress.Parse(BrokerOf("migrate")) with { User = user, Password = Secret($"{user}-broker", "password") };

    /// <summary>A user's connection string for the database from its Secret, with the address replaced.</summary>
    internal string DatabaseOf(string user, string host = Host, string? authorityFile = null) =>
        new NpgsqlConnectionStringBuilder(Secret($"{user}-database", "ConnectionStrings__Postgres"))
        {
            Host = host,
            Port = new NpgsqlConnectionStringBuilder(_database!.ConnectionString).Port,
            RootCertificate = authorityFile ?? Authority.CertificateFile,
        }.ConnectionString;

    /// <summary>Creates the broker user of another service on first use; its password is its name.</summary>
    internal async Task CreateOtherServiceAsync(string user, string configure, string write, string read, CancellationToken cancellationToken)
    {
        Task created;
        lock (_lock)
        {
            created = _otherServices.TryGetValue(user, out var task) ? task : _otherServices[user] = CreateAsync();
        }

        await created;

        async Task CreateAsync()
        {
            await Broker.PutAsync(["users", user], new { password = user, tags = "" }, cancellationToken);
            await Broker.PutAsync(["permissions", "webhook-platform", user], new { configure, write, read }, cancellationToken);
        }
    }

    /// <summary>A channel with confirms; its connection closes with the run.</summary>
    internal static async Task<IChannel> ConnectAsync(BrokerAddress address, CancellationToken cancellationToken)
    {
        var factory = new ConnectionFactory
        {
            HostName = address.Nodes[0].Host,
            Port = address.Nodes[0].Port,
            UserName = address.User,
            Password = address.Password,
            VirtualHost = address.VirtualHost,
            // Other tests cover certificate validation.
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
        foreach (var part in new IAsyncDisposable?[] { _broker, _database, _folder }.OfType<IAsyncDisposable>())
        {
            await part.DisposeAsync();
        }

        _authority?.Dispose();
        _stranger?.Dispose();
    }

    private async Task StartOnceAsync(TestServerKind kind, CancellationToken cancellationToken)
    {
        _manifests = Manifests.Parse(await Overlay.ReadAsync(Overlay.Production));
        _folder = await TestFolder.CreateAsync(cancellationToken);
        _authority = new TestAuthority(Path.Combine(Folder.Path, "authority"), "authority");
        _stranger = new TestAuthority(Path.Combine(Folder.Path, "stranger"), "stranger");
        await StartServersAsync(kind, Authority.Issue(Host), cancellationToken);
        await CreateBrokerUsersAsync(cancellationToken);
        await CreateDatabaseRolesAsync(cancellationToken);
        var migration = await Services.RunVerbAsync(
            BrokerOf("migrate"), DatabaseOf("migrate"), ["migrate"], cancellationToken,
            new Dictionary<string, string?>(Trust.Concat(DatabaseRoles)) { ["Broker__ManagementUrl"] = ManagementUrlOf() });
        migration.ThrowIfFailed("migrate");
    }

    private async Task StartServersAsync(TestServerKind kind, TestCertificate certificate, CancellationToken cancellationToken)
    {
        if (kind is TestServerKind.Containers)
        {
            _broker = await ProductionBroker.StartInContainerAsync(Authority, certificate, cancellationToken);
            _database = await ProductionDatabase.StartInContainerAsync(certificate, cancellationToken);
            return;
        }

        await ServerPackages.EnsureAsync(cancellationToken);
        _broker = await ProductionBroker.StartNativelyAsync(Folder, Authority, certificate, cancellationToken);
        _database = await ProductionDatabase.StartNativelyAsync(Folder, certificate, cancellationToken);
    }

    private async Task CreateBrokerUsersAsync(CancellationToken cancellationToken)
    {
        foreach (var vhost in _manifests!.Of("Vhost"))
        {
            await Broker.PutAsync(["vhosts", $"{vhost.At("spec.name")}"], new { }, cancellationToken);
            // The user of the server itself, like the one that the cluster operator creates.
            await Broker.PutAsync(["permissions", $"{vhost.At("spec.name")}", Broker.User], new { configure = ".*", write = ".*", read = ".*" }, cancellationToken);
        }

        foreach (var user in _manifests.Of("User"))
        {
            var secret = $"{user.At("spec.importCredentialsSecret.name")}";
            var tags = string.Join(',', (user.At("spec.tags")?.AsArray() ?? []).Select(tag => $"{tag}"));
            await Broker.PutAsync(["users", Secret(secret, "username")], new { password = Secret(secret, "password"), tags }, cancellationToken);
        }

        foreach (var permission in _manifests.Of("Permission"))
        {
            await Broker.PutAsync(
                ["permissions", $"{permission.At("spec.vhost")}", $"{permission.At("spec.userReference.name")}"],
                new
                {
                    configure = $"{permission.At("spec.permissions.configure")}",
                    write = $"{permission.At("spec.permissions.write")}",
                    read = $"{permission.At("spec.permissions.read")}",
                },
                cancellationToken);
        }
    }

    private async Task CreateDatabaseRolesAsync(CancellationToken cancellationToken)
    {
        var superuser = _database!.ConnectionString;
        var owner = $"{Cluster.At("spec.bootstrap.initdb.owner")}";
        await ExecuteAsync(superuser, $"create role {owner} login password '{Secret("migrate-database", "password")}'", cancellationToken);
        await ExecuteAsync(superuser, $"create database {DatabaseName} owner {owner}", cancellationToken);
        foreach (var statement in Cluster.At("spec.bootstrap.initdb.postInitApplicationSQL")!.AsArray())
        {
            await ExecuteAsync(Superuser, $"{statement}", cancellationToken);
        }

        foreach (var role in Cluster.List("spec.managed.roles"))
        {
            var password = Secret($"{role.At("passwordSecret.name")}", "password");
            await ExecuteAsync(Superuser, $"create role {role["name"]} login connection limit {role["connectionLimit"]} password '{password}'", cancellationToken);
        }
    }

    private static async Task ExecuteAsync(string connectionString, string sql, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
