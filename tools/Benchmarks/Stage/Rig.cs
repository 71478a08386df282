using Platform.Benchmarks.Figures;
using Platform.Benchmarks.Load;
using Platform.DevStack;

namespace Platform.Benchmarks.Stage;

/// <summary>
/// The test rig: a private broker and database with durable settings, and the published programs.
/// </summary>
internal sealed class Rig : IAsyncDisposable
{
    private readonly TestFolder _folder;

    private Rig(
        TestFolder folder, Publication publication, RabbitMqInstance broker, PostgresInstance postgres, string platform, BenchQueue queue)
    {
        _folder = folder;
        BrokerPid = broker.Process.Daemon.Pid;
        DatabasePid = postgres.Process.Daemon.Pid;
        Queue = queue;
        Build = publication.Build;
        Tables = new BenchTables(platform, postgres.ConnectionString);
        Launcher = new Launcher(publication, folder, broker.Uri, platform, Path.Combine(folder.Path, "envelope.json"));
    }

    public int BrokerPid { get; }

    public int DatabasePid { get; }

    public BenchQueue Queue { get; }

    public BenchTables Tables { get; }

    public Launcher Launcher { get; }

    /// <summary>The build of the programs (<see cref="Publication.Build"/>).</summary>
    public string Build { get; }

    /// <summary>By the name of the <see cref="Drainer"/>, once <see cref="Backlog.SizeAsync"/> has determined them.</summary>
    public Dictionary<string, Pace> Paces { get; } = [];

    public static async Task<Rig> StartAsync(CancellationToken cancellationToken)
    {
        await ServerPackages.EnsureAsync(cancellationToken);
        var folder = await TestFolder.CreateAsync(cancellationToken);
        try
        {
            return await StartAsync(folder, cancellationToken);
        }
        catch
        {
            await folder.DisposeAsync();
            throw;
        }
    }

    private static async Task<Rig> StartAsync(TestFolder folder, CancellationToken cancellationToken)
    {
        Progress.Say("starting RabbitMQ and PostgreSQL");
        var starting = RabbitMqServer.StartAsync(Path.Combine(folder.Path, "rabbitmq"), withManagement: false, folder.Daemons, cancellationToken);
        // The broker starts while the programs are published.
        var publication = await Publication.CreateAsync(cancellationToken);
        var postgres = await PostgresServer.StartAsync(
            Path.Combine(folder.Path, "postgres"), isDisposable: false, folder.Daemons, cancellationToken, PostgresSettings.All);
        var platform = await PostgresServer.CreateDatabaseAsync(postgres.ConnectionString, "platform", cancellationToken);
        var broker = await starting;
        await Services.MigrateAsync(broker.Uri, platform, cancellationToken);
        var rig = new Rig(folder, publication, broker, postgres, platform, await BenchQueue.ConnectAsync(broker.Uri, cancellationToken));
        await rig.PrepareAsync(cancellationToken);
        return rig;
    }

    /// <summary>Empties queues and tables.</summary>
    public async Task ClearAsync(CancellationToken cancellationToken)
    {
        await Queue.PurgeAsync(cancellationToken);
        await Tables.ClearAsync(cancellationToken);
    }

    /// <summary>Starts a program and waits until it is ready.</summary>
    public static async Task<Contestant> StartAsync(Contestant contestant, CancellationToken cancellationToken)
    {
        await contestant.Process.StartAsync(cancellationToken);
        return contestant;
    }

    public async ValueTask DisposeAsync()
    {
        await Queue.DisposeAsync();
        await Tables.DisposeAsync();
        await _folder.DisposeAsync();
    }

    private async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await Tables.PrepareAsync(cancellationToken);
        await Queue.SubscribeAsync(cancellationToken);
        await using var ingress = await StartAsync(Launcher.Ingress(), cancellationToken);
        using var load = new HttpLoad(ingress.Port, RequestSet.Render(1, Launcher.Secret, TimeProvider.System), connections: 1);
        (await load.RunOpenAsync(perSecond: 1, TimeSpan.FromSeconds(1), cancellationToken)).ThrowIfRefused();
        await Queue.TakeModelAsync(Path.Combine(_folder.Path, "envelope.json"), cancellationToken);
    }
}
