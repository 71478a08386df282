using Npgsql;
using Platform.Benchmarks.Figures;
using Platform.Benchmarks.Load;
using Platform.Benchmarks.Measures;
using Platform.Benchmarks.Stage;
using Platform.DevStack;

namespace Platform.Benchmarks.Parts;

/// <summary>
/// Time from the receipt of an event to its commit at fixed rates: through the real ingress and one worker, through the same ingress and
/// Wolverine instead of the worker, and through the guide's handler.
/// </summary>
internal sealed class LatencyPart(Scale scale) : IPart
{
    public const string Letter = "c";

    public const string Ours = "ours";
    public const string WolverineBatch = "wolverine-batch";
    public const string WolverineInbox = "wolverine-inbox";
    public const string Guide = "guide";

    private const int WarmUpRate = 500;

    private static readonly string[] Contestants = [Ours, WolverineBatch, Guide, WolverineInbox];

    // One that is slower than the arrivals needs longer than they last.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>Arrivals per second.</summary>
    public static IReadOnlyList<int> Rates { get; } = [50, 500, 1000, 2000];

    public string Id => Letter;

    public string Name => "accept to commit";

    public static string Key(string contestant, int rate, string percentile) => $"latency.{contestant}.{rate}.{percentile}";

    public async Task RunAsync(Rig rig, Round round, CancellationToken cancellationToken)
    {
        for (var i = 0; i < Contestants.Length; i++)
        {
            var name = Contestants[(round.Number + i) % Contestants.Length];
            Progress.Say($"accept to commit: {name}");
            await rig.ClearAsync(cancellationToken);
            await (name == Guide ? MeasureGuideAsync(rig, round, cancellationToken) : MeasureWorkerAsync(rig, round, name, cancellationToken));
        }

        foreach (var peer in new[] { WolverineBatch, WolverineInbox })
        {
            AddWorst(round, peer, "p50");
            AddWorst(round, peer, "p99");
        }
    }

    private async Task MeasureWorkerAsync(Rig rig, Round round, string name, CancellationToken cancellationToken)
    {
        await using var ingress = await Rig.StartAsync(rig.Launcher.Ingress(), cancellationToken);
        await using var worker = await Rig.StartAsync(name == Ours ? rig.Launcher.Worker() : rig.Launcher.Peer(name), cancellationToken);
        await MeasureAsync(round, name, ingress, new EventTable(rig.Tables.Database, "webhook_events"), cancellationToken);
    }

    private async Task MeasureGuideAsync(Rig rig, Round round, CancellationToken cancellationToken)
    {
        var connectionString = await rig.Tables.CreateGuideDatabaseAsync(cancellationToken);
        await using var database = NpgsqlDataSource.Create(connectionString);
        await using var guide = await Rig.StartAsync(rig.Launcher.Rival(Guide, database: connectionString), cancellationToken);
        await MeasureAsync(round, Guide, guide, new EventTable(database, "events"), cancellationToken);
    }

    private async Task MeasureAsync(Round round, string name, Contestant ingress, EventTable events, CancellationToken cancellationToken)
    {
        await SendAsync(ingress, events, WarmUpRate, scale.WarmUp, cancellationToken);
        foreach (var rate in Rates)
        {
            var from = DateTime.UtcNow;
            // A low rate needs a longer window for a meaningful p99.
            await SendAsync(ingress, events, rate, rate < WarmUpRate ? scale.Window * 2 : scale.Window, cancellationToken);
            var delays = await CommitTimes.ReadDelaysAsync(events, from, cancellationToken);
            round.Add(Key(name, rate, "p50"), delays.P50);
            round.Add(Key(name, rate, "p99"), delays.P99);
        }
    }

    private static async Task SendAsync(Contestant ingress, EventTable events, int rate, TimeSpan duration, CancellationToken cancellationToken)
    {
        var known = await CommitTimes.CountAsync(events, cancellationToken);
        var requests = RequestSet.Render((int)(rate * duration.TotalSeconds) + 1, Launcher.Secret, TimeProvider.System);
        using var load = new HttpLoad(ingress.Port, requests, IngestPart.MainConnections);
        var sent = (await load.RunOpenAsync(rate, duration, cancellationToken)).ThrowIfRefused();
        await Waiting.UntilAsync(
            "all accepted events to be stored",
            async () => await CommitTimes.CountAsync(events, cancellationToken) >= known + sent.Accepted.Count,
            cancellationToken,
            Patience);
    }

    private static void AddWorst(Round round, string peer, string percentile) => round.Add(
        $"latency.worst.{peer}.{percentile}",
        Rates.Max(rate => round.Find(Key(Ours, rate, percentile)) / round.Find(Key(peer, rate, percentile))));
}
