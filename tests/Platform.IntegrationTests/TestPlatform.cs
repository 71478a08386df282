using Npgsql;
using Platform.Contracts;
using Platform.DevStack;
using Platform.Simulator.MagicHour;

namespace Platform.IntegrationTests;

/// <summary>The platform of one test: a broker without the platform's queues, an empty database, and both services as processes.</summary>
public sealed class TestPlatform : IAsyncDisposable
{
    public const string Secret = "mhw_live_ExampleOnly000000000000000000000";

    private readonly ServersFixture _fixture;
    private readonly string _databaseName;
    private readonly List<ServerProcess> _processes = [];
    private readonly RabbitMqInstance? _ownBroker;

    private TestPlatform(
        ServersFixture fixture, string rabbitMq, RabbitMqInstance? ownBroker, string databaseName, string connectionString, Broker broker)
    {
        _fixture = fixture;
        RabbitMq = rabbitMq;
        _ownBroker = ownBroker;
        _databaseName = databaseName;
        ConnectionString = connectionString;
        Database = NpgsqlDataSource.Create(connectionString);
        Broker = broker;
    }

    public static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public string ConnectionString { get; }

    public NpgsqlDataSource Database { get; }

    public Broker Broker { get; }

    /// <summary>Folder for the files of servers that a test starts itself; they stop with the run.</summary>
    public TestFolder Folder => _fixture.Folder;

    public string RabbitMq { get; }

    /// <summary>This test's own broker: it may be paused, killed and damaged.</summary>
    public RabbitMqInstance OwnBroker => _ownBroker ?? throw new InvalidOperationException("All tests share this broker.");

    /// <summary>The services started so far, in order.</summary>
    public List<Sender> Ingresses { get; } = [];

    /// <summary>The addresses of the services started so far, in order.</summary>
    public List<Uri> Workers { get; } = [];

    /// <summary>The log output of the services so far, one text for each.</summary>
    public IEnumerable<string> Logs => _processes.Select(process => File.ReadAllText(process.Daemon.LogFile));

    /// <summary>Scrape targets of everything started so far, on a broker that has metrics.</summary>
    public MetricsTargets MetricsTargets => new(
        [.. Ingresses.Select(ingress => ingress.Webhook.Authority)],
        [.. Workers.Select(worker => worker.Authority)],
        OwnBroker.MetricsAddress ?? throw new InvalidOperationException("This broker has no metrics."));

    /// <summary>Starts the platform on its own broker. Skips the test where none can be started.</summary>
    public static async Task<TestPlatform> CreateOnOwnBrokerAsync(ServersFixture fixture, bool withManagement = false)
    {
        var servers = await TestServers.ChooseAsync(Cancel);
        Assert.SkipUnless(servers.Kind is TestServerKind.Native, $"It needs a broker that it may kill, and this run uses {servers.Description}.");
        var folder = Path.Combine(fixture.Folder.Path, $"rabbitmq-{Machine.FreePort()}");
        return await CreateAsync(
            fixture, ownBroker: await RabbitMqServer.StartAsync(folder, withManagement, fixture.Folder.Daemons, Cancel));
    }

    public static async Task<TestPlatform> CreateAsync(ServersFixture fixture, bool isMigrated = true, RabbitMqInstance? ownBroker = null)
    {
        if (ownBroker is not null)
        {
            return await CreateAsync(fixture, ownBroker.Uri, ownBroker, isMigrated);
        }

        var virtualHost = await fixture.BorrowVirtualHostAsync(Cancel);
        try
        {
            return await CreateAsync(fixture, virtualHost, null, isMigrated);
        }
        catch
        {
            fixture.ReturnVirtualHost(virtualHost);
            throw;
        }
    }

    /// <summary>Runs <c>migrate</c> as a process, as an operator does.</summary>
    public Task<string> MigrateAsync() => Services.MigrateAsync(RabbitMq, ConnectionString, Cancel);

    public Task<ProgramResult> ReleaseAsync(params string[] options) =>
        Services.RunVerbAsync(RabbitMq, ConnectionString, ["release", .. options], Cancel);

    public Task<ProgramResult> ReleaseAsync(IReadOnlyDictionary<string, string?> settings, params string[] options) =>
        Services.RunVerbAsync(RabbitMq, ConnectionString, ["release", .. options], Cancel, settings);

    /// <summary>Starts an ingress. It reports its publishes as rarely as possible: reports are messages too, and tests count messages.</summary>
    public async Task<ServerProcess> StartIngressAsync(bool waitUntilReady = true, IReadOnlyDictionary<string, string?>? settings = null)
    {
        var port = Machine.FreePort();
        var all = new Dictionary<string, string?>(settings ?? new Dictionary<string, string?>());
        all.TryAdd("Accounting__ReportInterval", "00:01:00");
        var ingress = Services.Ingress(
            $"ingress-{port}", _fixture.Folder.Path, port, RabbitMq, Secret, _fixture.Folder.Daemons, waitUntilReady, all);
        _processes.Add(ingress);
        Ingresses.Add(new Sender($"http://127.0.0.1:{port}", Secret, TimeProvider.System));
        await ingress.StartAsync(Cancel);
        return ingress;
    }

    /// <param name="settings">Further settings, as environment variables.</param>
    /// <param name="roles">In the format of <c>--roles</c>; all by default.</param>
    /// <param name="assembly">The worker of another version; by default that of this build.</param>
    public async Task<ServerProcess> StartWorkerAsync(
        bool waitUntilReady = true, IReadOnlyDictionary<string, string?>? settings = null, int? port = null, string? roles = null, string? assembly = null)
    {
        port ??= Machine.FreePort();
        var worker = Services.Worker(
            $"worker-{port}", _fixture.Folder.Path, port.Value, RabbitMq, ConnectionString, _fixture.Folder.Daemons, waitUntilReady, settings, roles, assembly: assembly);
        _processes.Add(worker);
        Workers.Add(new Uri($"http://127.0.0.1:{port}"));
        await worker.StartAsync(Cancel);
        return worker;
    }

    /// <summary>Sends bodies through all ingresses in turn, concurrently.</summary>
    /// <returns>The number of responses for each status.</returns>
    public async Task<Dictionary<int, int>> SendAsync(IReadOnlyList<byte[]> bodies)
    {
        var statuses = new int[bodies.Count];
        var options = new ParallelOptions { MaxDegreeOfParallelism = 32, CancellationToken = Cancel };
        await Parallel.ForAsync(0, bodies.Count, options, async (i, token) =>
        {
            using var response = await Ingresses[i % Ingresses.Count].SendAsync(bodies[i], token);
            statuses[i] = (int)response.StatusCode;
        });
        return statuses.CountBy(status => status).ToDictionary();
    }

    public async Task<T> QueryAsync<T>(string sql)
    {
        await using var command = Database.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync(Cancel))!;
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var command = Database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(Cancel);
    }

    /// <summary>Waits until a count in the database is reached.</summary>
    public async Task CountAsync(long expected, string sql)
    {
        var last = -1L;
        try
        {
            await Waiting.UntilAsync(sql, async () => (last = await QueryAsync<long>(sql)) >= expected, Cancel);
        }
        catch (TimeoutException)
        {
            // The assertion below shows how far it got.
        }

        Assert.Equal(expected, last);
    }

    /// <summary>Waits until everything published has been processed, and asserts that no message was parked.</summary>
    public async Task AssertDrainedAsync(uint parked = 0)
    {
        await Waiting.UntilAsync($"{Topology.WebhookReceivedQueue} is empty", async () => await Broker.CountAsync(Topology.WebhookReceivedQueue, Cancel) == 0, Cancel);
        await CountAsync(0, "select -count(*) from outbox_message");
        try
        {
            // Messages that a release has inspected and kept return once the broker notices that its channel is closed.
            await Waiting.UntilAsync($"{parked} are parked", async () => await Broker.CountAsync(Topology.ErrorQueue, Cancel) == parked, Cancel);
        }
        catch (TimeoutException timeout)
        {
            Assert.Fail($"{timeout.Message} {await Broker.DescribeAsync(Topology.ErrorQueue, Cancel)}");
        }

        Assert.Equal(0u, await Broker.CountAsync(Topology.SkippedQueue, Cancel));
        Assert.Equal(0u, await Broker.CountAsync(Topology.DeadLetterQueue, Cancel));
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await StopAsync();
        }
        finally
        {
            if (_ownBroker is null)
            {
                _fixture.ReturnVirtualHost(RabbitMq);
            }
        }
    }

    private static async Task<TestPlatform> CreateAsync(ServersFixture fixture, string rabbitMq, RabbitMqInstance? ownBroker, bool isMigrated)
    {
        var name = $"test_{Guid.NewGuid():N}";
        var connectionString = await PostgresServer.CreateDatabaseAsync(fixture.Servers.Postgres, name, Cancel);
        var broker = await Broker.ConnectAsync(rabbitMq, Cancel);
        await broker.ResetAsync(Cancel);
        var platform = new TestPlatform(fixture, rabbitMq, ownBroker, name, connectionString, broker);
        if (isMigrated)
        {
            await InProcessMigration.RunAsync(rabbitMq, connectionString, Cancel);
        }

        return platform;
    }

    private async Task StopAsync()
    {
        await Task.WhenAll(_processes.Select(process => process.KillAsync(CancellationToken.None)));
        if (_ownBroker is not null)
        {
            await _ownBroker.Process.KillAsync(CancellationToken.None);
        }

        Ingresses.ForEach(ingress => ingress.Dispose());
        await Broker.DisposeAsync();
        await Database.DisposeAsync();
        await using var server = NpgsqlDataSource.Create(_fixture.Servers.Postgres + ";Pooling=false");
        await using var drop = server.CreateCommand($"drop database {_databaseName} with (force)");
        await drop.ExecuteNonQueryAsync(CancellationToken.None);
    }
}
