using Npgsql;
using Platform.Contracts;
using Platform.DevStack;
using Platform.Simulator.Storms;
using Platform.Simulator.Verdicts;
using RabbitMQ.Client;

namespace Platform.Simulator.Tests;

/// <summary>The tests on <see cref="StormedPlatform"/>, one at a time: each judges all that is in the broker's queues.</summary>
[CollectionDefinition]
public sealed class OnStormedPlatform : ICollectionFixture<StormedPlatform>;

/// <summary>A real platform that a real storm went over, once for all tests; then its services have ended.</summary>
public sealed class StormedPlatform : IAsyncLifetime
{
    private const string Database = "stormed";

    private TestFolder? _folder;
    private TestServers? _servers;
    private Ledger? _ledger;

    public string RabbitMq => Servers.RabbitMq;

    internal Ledger Ledger => _ledger ?? throw new InvalidOperationException("Not started.");

    private TestServers Servers => _servers ?? throw new InvalidOperationException("Not started.");

    public async ValueTask InitializeAsync()
    {
        var cancel = TestContext.Current.CancellationToken;
        _folder = await TestFolder.CreateAsync(cancel);
        _servers = await TestServers.StartAsync(withBroker: true, cancel);
        await ExecuteAsync(Servers.Postgres, $"drop database if exists {Database} with (force)");
        var postgres = await PostgresServer.CreateDatabaseAsync(Servers.Postgres, Database, cancel);
        await Services.MigrateAsync(RabbitMq, postgres, cancel);

        await Services.Worker("worker", _folder.Path, Machine.FreePort(), RabbitMq, postgres, _folder.Daemons).StartAsync(cancel);
        var ingressPort = Machine.FreePort();
        var settings = new Dictionary<string, string?> { ["MagicHour__WebhookSecrets__1"] = ScriptedEndpoint.NextSecret };
        await Services.Ingress("ingress", _folder.Path, ingressPort, RabbitMq, ScriptedEndpoint.Secret, _folder.Daemons, settings: settings).StartAsync(cancel);

        _ledger = await StormAsync($"http://127.0.0.1:{ingressPort}", cancel);
        var verdict = await Verdict.JudgeAsync(_ledger, postgres, RabbitMq, cancel);
        await _folder.Daemons.KillAsync(cancel);
        Assert.True(verdict is { IsClean: true, IsSettled: true }, string.Join('\n', verdict.Lines));
    }

    /// <summary>A copy of the database as the storm left it.</summary>
    internal async Task<TamperedDatabase> CopyAsync()
    {
        var name = $"copy_{Guid.NewGuid():N}";
        await ExecuteAsync(Servers.Postgres, $"create database {name} template {Database}");
        var connection = new NpgsqlConnectionStringBuilder(Servers.Postgres) { Database = name, Pooling = false }.ConnectionString;
        return new TamperedDatabase(this, connection, () => ExecuteAsync(Servers.Postgres, $"drop database {name} with (force)"));
    }

    /// <summary>Puts a message into a queue.</summary>
    internal async Task ParkAsync(string queue, Guid messageId)
    {
        await using var connection = await ConnectAsync();
        await using var channel = await connection.CreateChannelAsync(
            new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true),
            TestContext.Current.CancellationToken);
        await channel.BasicPublishAsync(
            "", queue, mandatory: true, new BasicProperties { MessageId = $"{messageId}" }, ReadOnlyMemory<byte>.Empty,
            TestContext.Current.CancellationToken);
    }

    internal async Task EmptyQueuesAsync()
    {
        await using var connection = await ConnectAsync();
        await using var channel = await connection.CreateChannelAsync(cancellationToken: TestContext.Current.CancellationToken);
        foreach (var queue in Topology.Queues.Keys)
        {
            await channel.QueuePurgeAsync(queue, TestContext.Current.CancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_folder is not null)
        {
            await _folder.DisposeAsync();
        }

        if (_servers is not null)
        {
            await _servers.DisposeAsync();
        }
    }

    internal static async Task ExecuteAsync(string postgres, string sql)
    {
        await using var source = NpgsqlDataSource.Create(postgres + ";Pooling=false");
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(CancellationToken.None);
    }

    private Task<IConnection> ConnectAsync() =>
        new ConnectionFactory { Uri = new Uri(RabbitMq) }.CreateConnectionAsync(TestContext.Current.CancellationToken);

    private static async Task<Ledger> StormAsync(string ingressUrl, CancellationToken cancellationToken)
    {
        var settings = new StormSettings { Seed = 7, Events = 300, Rate = 150, Endpoints = 2, Unusable = 0.05, Variants = 0.2 };
        var plan = StormPlan.Create(settings, TimeProvider.System.GetUtcNow());
        StormTarget[] targets =
        [
            new(ingressUrl, ScriptedEndpoint.Secret, ScriptedEndpoint.NextSecret), new(ingressUrl, ScriptedEndpoint.NextSecret),
        ];
        using var storm = new Storm(plan, targets, TimeProvider.System);
        await storm.RunAsync(cancellationToken);
        return storm.Ledger;
    }
}

/// <summary>A database of one test's own, in which it falsifies what the storm left.</summary>
internal sealed class TamperedDatabase(StormedPlatform platform, string postgres, Func<Task> drop) : IAsyncDisposable
{
    // Nothing runs that could still move anything.
    private static readonly VerdictOptions Impatient = new() { Patience = TimeSpan.FromSeconds(1), Calm = TimeSpan.Zero };

    public Task ExecuteAsync(string sql) => StormedPlatform.ExecuteAsync(postgres, sql);

    public Task<Verdict> JudgeAsync(VerdictOptions? options = null) => JudgeAsync(platform.Ledger, options ?? Impatient);

    public Task<Verdict> JudgeAsync(Ledger ledger) => JudgeAsync(ledger, Impatient);

    private Task<Verdict> JudgeAsync(Ledger ledger, VerdictOptions options) => Verdict.JudgeAsync(
        ledger,
        postgres,
        platform.RabbitMq,
        options with { Patience = Impatient.Patience, Calm = Impatient.Calm },
        TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync() => await drop();
}
