using Npgsql;
using Platform.Contracts;
using Platform.DevStack;
using Platform.Simulator.Storms;
using Platform.Simulator.Verdicts;

namespace Platform.Faults;

/// <summary>
/// A platform to inject faults into: private servers, two ingresses behind one load balancer, two workers, and a proxy on each connection
/// between them. Every part can be killed, halted, disconnected and restarted.
/// </summary>
internal sealed class Lab : IAsyncDisposable
{
    private const int Replicas = 2;

    // Generated, because the services run as in production, where default secrets are rejected.
    private static readonly string Secret = $"mhw_{Guid.NewGuid():N}";

    private Lab(TestFolder folder, IBrokerServer broker, PostgresInstance database, string postgres)
    {
        Folder = folder;
        Broker = broker;
        DatabaseServer = database.Process;
        Postgres = postgres;
        Database = PostgresServer.Open(postgres);
        var brokerPort = new Uri(broker.Uri).Port;
        IngressToBroker = new Proxy(brokerPort).Start();
        WorkerToBroker = new Proxy(brokerPort).Start();
        WorkerToDatabase = new Proxy(new NpgsqlConnectionStringBuilder(postgres).Port).Start();
        Ingresses = [.. Enumerable.Range(1, Replicas).Select(i => Ingress($"ingress-{i}", Machine.FreePort()))];
        Workers = [.. Enumerable.Range(1, Replicas).Select(i => Worker($"worker-{i}"))];
        Front = new Proxy([.. Ingresses.Select(ingress => ingress.Port)]).Start();
        Target = new StormTarget($"http://127.0.0.1:{Front.Port}", Secret);
    }

    /// <summary>For the files and processes of a fault; they end with the lab.</summary>
    public TestFolder Folder { get; }

    public IBrokerServer Broker { get; }

    public ServerProcess DatabaseServer { get; }

    /// <summary>A direct connection to the database, without the proxy.</summary>
    public NpgsqlDataSource Database { get; }

    public string Postgres { get; }

    /// <summary>The load balancer.</summary>
    public Proxy Front { get; }

    public Proxy IngressToBroker { get; }

    public Proxy WorkerToBroker { get; }

    public Proxy WorkerToDatabase { get; }

    public IReadOnlyList<LabIngress> Ingresses { get; }

    public IReadOnlyList<ServerProcess> Workers { get; }

    /// <summary>The storm's target: the load balancer.</summary>
    public StormTarget Target { get; }

    private Proxy[] Wires => [Front, IngressToBroker, WorkerToBroker, WorkerToDatabase];

    public static async Task<Lab> StartAsync(bool inContainer, CancellationToken cancellationToken)
    {
        var folder = await TestFolder.CreateAsync(cancellationToken);
        var broker = inContainer
            ? (IBrokerServer)await ContainerBroker.StartAsync(folder.Path, cancellationToken)
            : await NativeBroker.StartAsync(Path.Combine(folder.Path, "rabbitmq"), folder.Daemons, cancellationToken);
        var server = await PostgresServer.StartAsync(Path.Combine(folder.Path, "postgres"), isDisposable: false, folder.Daemons, cancellationToken);
        var postgres = await PostgresServer.CreateDatabaseAsync(server.ConnectionString, "platform", cancellationToken);
        var lab = new Lab(folder, broker, server, postgres);
        await lab.MigrateAsync(cancellationToken);
        await lab.RepairAsync(cancellationToken);
        return lab;
    }

    public Task<string> MigrateAsync(CancellationToken cancellationToken) => Services.MigrateAsync(Broker.Uri, Postgres, cancellationToken);

    /// <summary>Runs a verb of the worker against the lab's broker and database.</summary>
    public Task<ProgramResult> RunVerbAsync(IEnumerable<string> verb, CancellationToken cancellationToken) =>
        Services.RunVerbAsync(Broker.Uri, Postgres, verb, cancellationToken);

    /// <summary>An additional ingress outside the load balancer, not yet started.</summary>
    public LabIngress Ingress(string name, int port, bool mustBeReady = true, IReadOnlyDictionary<string, string?>? settings = null) => new(
        Services.Ingress(name, Folder.Path, port, Through(IngressToBroker), Secret, Folder.Daemons, mustBeReady, settings), port);

    /// <summary>A worker, not yet started.</summary>
    /// <param name="roles">As <c>--roles</c> takes them; all by default.</param>
    /// <param name="launcher">Command that starts the worker, for example a shell with a memory limit; see <see cref="Services.Worker"/>.</param>
    /// <param name="port">A free one by default.</param>
    public ServerProcess Worker(
        string name, IReadOnlyDictionary<string, string?>? settings = null, string? roles = null, IReadOnlyList<string>? launcher = null, int? port = null)
    {
        var database = new NpgsqlConnectionStringBuilder(Postgres) { Port = WorkerToDatabase.Port };
        return Services.Worker(
            name, Folder.Path, port ?? Machine.FreePort(), Through(WorkerToBroker), database.ConnectionString, Folder.Daemons, settings: settings, roles: roles, launcher: launcher);
    }

    /// <summary>Starts every stopped process and opens every connection.</summary>
    public async Task RepairAsync(CancellationToken cancellationToken)
    {
        foreach (var proxy in Wires)
        {
            proxy.Release();
        }

        var services = Workers.Concat(Ingresses.Select(ingress => ingress.Process));
        await Task.WhenAll(services.Where(service => !service.IsAlive).Select(service => service.StartAsync(cancellationToken)));
    }

    /// <summary>Messages in the queue that are not assigned to a worker.</summary>
    public Task<uint> CountReadyAsync(CancellationToken cancellationToken) => CountAsync(Topology.WebhookReceivedQueue, cancellationToken);

    /// <summary>Messages in <c>webhook-received_error</c>.</summary>
    public Task<uint> CountParkedAsync(CancellationToken cancellationToken) => CountAsync(Topology.ErrorQueue, cancellationToken);

    public async Task<T> QueryAsync<T>(string sql, CancellationToken cancellationToken)
    {
        await using var command = Database.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    public async Task ExecuteAsync(string sql, CancellationToken cancellationToken)
    {
        await using var command = Database.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await Folder.DisposeAsync();
        await Broker.DisposeAsync();
        foreach (var proxy in Wires)
        {
            await proxy.DisposeAsync();
        }

        await Database.DisposeAsync();
    }

    public async Task<uint> CountAsync(string queue, CancellationToken cancellationToken)
    {
        await using var queues = await Queues.ConnectAsync(Broker.Uri, cancellationToken);
        return await queues.CountAsync(queue, cancellationToken);
    }

    private string Through(Proxy proxy) => new UriBuilder(Broker.Uri) { Port = proxy.Port }.Uri.AbsoluteUri;
}

/// <summary>An ingress and its port.</summary>
internal sealed record LabIngress(ServerProcess Process, int Port)
{
    public string Url => $"http://127.0.0.1:{Port}";
}
