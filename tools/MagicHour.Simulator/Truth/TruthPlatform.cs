using System.Globalization;
using Npgsql;
using Platform.DevStack;
using Platform.Simulator.Api;

namespace Platform.Simulator.Truth;

/// <summary>
/// A private platform beside a simulated Magic Hour in this process: servers, an ingress, two workers that compete to reconcile, and a receiver of
/// their notifications.
/// </summary>
internal sealed class TruthPlatform : IAsyncDisposable
{
    private const int Replicas = 2;

    private static readonly TimeSpan FirstAfter = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan ShortestFirstAfter = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    // Generated, because the services run as in production, where default secrets are rejected.
    private static readonly string Secret = $"mhw_{Guid.NewGuid():N}";
    private static readonly string ApiKey = $"mhk_{Guid.NewGuid():N}";
    private static readonly string OperationsKey = $"ops_{Guid.NewGuid():N}";
    private static readonly string OutgoingSecret = $"whsec_{Convert.ToBase64String(Guid.NewGuid().ToByteArray().Concat(Guid.NewGuid().ToByteArray()).ToArray())}";

    private readonly TestFolder _folder;

    private TruthPlatform(TestFolder folder, TruthServers servers, string postgres, SimulatedMagicHour magicHour, WebhookReceiver receiver)
    {
        _folder = folder;
        Servers = servers;
        Postgres = postgres;
        Database = PostgresServer.Open(postgres);
        MagicHour = magicHour;
        Receiver = receiver;
    }

    public TruthServers Servers { get; }

    public string RabbitMq => Servers.Broker.Uri;

    public string Postgres { get; }

    public List<TruthWorker> Workers { get; } = [];

    public NpgsqlDataSource Database { get; }

    public SimulatedMagicHour MagicHour { get; }

    public WebhookReceiver Receiver { get; }

    /// <param name="withBackup">The database archives its WAL, and its commits wait for the disk.</param>
    public static async Task<TruthPlatform> StartAsync(TruthSettings settings, CancellationToken cancellationToken, bool withBackup = false)
    {
        await ServerPackages.EnsureAsync(cancellationToken);
        var folder = await TestFolder.CreateAsync(cancellationToken);
        try
        {
            return await StartAsync(folder, settings, withBackup, cancellationToken);
        }
        catch
        {
            await folder.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs a verb of the worker.</summary>
    public Task<ProgramResult> RunVerbAsync(IEnumerable<string> verb, CancellationToken cancellationToken) =>
        Services.RunVerbAsync(RabbitMq, Postgres, verb, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _folder.DisposeAsync();
        await MagicHour.DisposeAsync();
        await Receiver.DisposeAsync();
        await Database.DisposeAsync();
    }

    private static async Task<TruthPlatform> StartAsync(TestFolder folder, TruthSettings settings, bool withBackup, CancellationToken cancellationToken)
    {
        var servers = await TruthServers.StartAsync(folder, withBackup, cancellationToken);
        var postgres = await PostgresServer.CreateDatabaseAsync(servers.Database.ConnectionString, "platform", cancellationToken);
        await Services.MigrateAsync(servers.Broker.Uri, postgres, cancellationToken);

        var ingressPort = Machine.FreePort();
        await Services.Ingress("ingress", folder.Path, ingressPort, servers.Broker.Uri, Secret, folder.Daemons).StartAsync(cancellationToken);
        var magicHour = await SimulatedMagicHour.StartAsync(CreateOptions(settings, ingressPort), TimeProvider.System, cancellationToken);
        foreach (var fault in settings.Faults)
        {
            magicHour.Faults.Add(fault);
        }

        var receiver = await WebhookReceiver.StartAsync(cancellationToken);
        receiver.Secret = OutgoingSecret;
        var platform = new TruthPlatform(folder, servers, postgres, magicHour, receiver);
        for (var i = 1; i <= Replicas; i++)
        {
            var port = Machine.FreePort();
            var worker = Services.Worker(
                $"worker-{i}", folder.Path, port, servers.Broker.Uri, postgres, folder.Daemons, settings: Configure(settings, magicHour, receiver));
            await worker.StartAsync(cancellationToken);
            platform.Workers.Add(new TruthWorker(worker, $"http://127.0.0.1:{port}", OperationsKey));
        }

        return platform;
    }

    private static SimulatedMagicHourOptions CreateOptions(TruthSettings settings, int ingressPort) => new()
    {
        ApiKey = ApiKey,
        Webhook = new WebhookSettings(new Uri($"http://127.0.0.1:{ingressPort}/webhook"), Secret),
        Speed = settings.TimeCompression,
        Seed = settings.Seed,
        Shares = settings.Shares,
    };

    private static Dictionary<string, string?> Configure(TruthSettings settings, SimulatedMagicHour magicHour, WebhookReceiver receiver)
    {
        var firstAfter = FirstAfter / settings.TimeCompression;
        return new Dictionary<string, string?>
        {
            ["MagicHourApi__BaseUrl"] = magicHour.Url,
            ["MagicHourApi__Key"] = ApiKey,
            ["Reconcile__FirstAfter"] = $"{(firstAfter > ShortestFirstAfter ? firstAfter : ShortestFirstAfter):c}",
            ["Reconcile__TimeScale"] = (1 / settings.TimeCompression).ToString(CultureInfo.InvariantCulture),
            ["Reconcile__RequestsPerSecond"] = settings.RequestsPerSecond.ToString(CultureInfo.InvariantCulture),
            ["OutgoingWebhooks__Secrets__0"] = OutgoingSecret,
            ["OutgoingWebhooks__AllowedTargets__0"] = receiver.Target,
            ["Operations__ApiKeys__0"] = OperationsKey,
            ["Accounting__Patience"] = $"{Patience:c}",
        };
    }
}

/// <summary>The servers of the platform.</summary>
/// <param name="Backup">Null: the database keeps no backup.</param>
internal sealed record TruthServers(RabbitMqInstance Broker, PostgresInstance Database, PostgresBackup? Backup)
{
    public static async Task<TruthServers> StartAsync(TestFolder folder, bool withBackup, CancellationToken cancellationToken)
    {
        var backup = withBackup ? new PostgresBackup(Path.Combine(folder.Path, "backup")) : null;
        var broker = RabbitMqServer.StartAsync(Path.Combine(folder.Path, "rabbitmq"), withManagement: false, folder.Daemons, cancellationToken);
        var database = await PostgresServer.StartAsync(
            Path.Combine(folder.Path, "postgres"), isDisposable: !withBackup, folder.Daemons, cancellationToken, backup?.Settings);
        return new TruthServers(await broker, database, backup);
    }
}

/// <summary>A worker, and its operations API.</summary>
/// <param name="Key">A key with all rights.</param>
internal sealed record TruthWorker(ServerProcess Process, string Url, string Key);
