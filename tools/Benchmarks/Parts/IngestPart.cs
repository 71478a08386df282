using Platform.Benchmarks.Figures;
using Platform.Benchmarks.Load;
using Platform.Benchmarks.Measures;
using Platform.Benchmarks.Stage;

namespace Platform.Benchmarks.Parts;

/// <summary>Ingest without consumers: the limit of Kestrel, the limit of the broker's client, and the ingress.</summary>
internal sealed class IngestPart(Scale scale) : IPart
{
    public const int MainConnections = 64;

    private const int LowRate = 500;

    private const string Ours = "ours";

    private static readonly string[] Contestants = ["floor", "verify", Ours, "client", "tracked"];
    private static readonly int[] OtherConnections = [1, 16, 256];
    private static readonly TimeSpan ShortWarmUp = TimeSpan.FromSeconds(0.5);

    /// <summary>Arrivals per second.</summary>
    public static IReadOnlyList<int> OpenRates { get; } = [50, 500, 1000, 2000];

    public string Id => "a";

    public string Name => "ingest";

    public async Task RunAsync(Rig rig, Round round, CancellationToken cancellationToken)
    {
        foreach (var name in Contestants)
        {
            Progress.Say($"ingest: {name}");
            await rig.ClearAsync(cancellationToken);
            await using var contestant = await Rig.StartAsync(
                name == Ours ? rig.Launcher.Ingress() : rig.Launcher.Rival(name), cancellationToken);
            var requests = RequestSet.Render(RequestSet.PoolSize, Launcher.Secret, TimeProvider.System);
            await MeasureMainAsync(rig, round, name, contestant, requests, cancellationToken);
            if (name is not ("floor" or "verify"))
            {
                await MeasureOthersAsync(rig, round, name, contestant, requests, cancellationToken);
            }
        }

        round.Add(
            "ingest.open.worst.p99", OpenRates.Max(rate => round.Find($"ingest.ours.open{rate}.p99") / round.Find($"ingest.tracked.open{rate}.p99")));
    }

    private async Task MeasureMainAsync(
        Rig rig, Round round, string name, Contestant contestant, RequestSet requests, CancellationToken cancellationToken)
    {
        using var load = new HttpLoad(contestant.Port, requests, MainConnections);
        (await load.RunClosedAsync(scale.WarmUp, cancellationToken)).ThrowIfRefused();
        await rig.Queue.PurgeAsync(cancellationToken);
        var before = ProcessTree.Read(contestant.Pid, rig.BrokerPid);
        var result = await load.RunClosedAsync(scale.Window, cancellationToken);
        var after = ProcessTree.Read(contestant.Pid, rig.BrokerPid);

        var key = $"ingest.{name}.{MainConnections}";
        Add(round, key, result);
        double PerEvent(double total) => total / result.Accepted.Count;
        var (ingress, broker) = (after[0].Since(before[0]), after[1].Since(before[1]));
        round.Add($"{key}.cpu.ingress", PerEvent(ingress.Cpu.TotalMicroseconds));
        round.Add($"{key}.cpu.broker", PerEvent(broker.Cpu.TotalMicroseconds));
        round.Add($"{key}.written.broker", PerEvent(broker.WrittenBytes));
        round.Add($"{key}.memory", ingress.ResidentBytes / 1e6);
    }

    private async Task MeasureOthersAsync(
        Rig rig, Round round, string name, Contestant contestant, RequestSet requests, CancellationToken cancellationToken)
    {
        foreach (var connections in OtherConnections)
        {
            using var load = new HttpLoad(contestant.Port, requests, connections);
            await MeasureAsync(rig, round, $"ingest.{name}.{connections}", load, openRate: null, cancellationToken);
        }

        foreach (var rate in OpenRates)
        {
            using var load = new HttpLoad(contestant.Port, requests, MainConnections);
            await MeasureAsync(rig, round, $"ingest.{name}.open{rate}", load, rate, cancellationToken);
        }
    }

    private async Task MeasureAsync(
        Rig rig, Round round, string key, HttpLoad load, int? openRate, CancellationToken cancellationToken)
    {
        await rig.Queue.PurgeAsync(cancellationToken);
        await RunAsync(ShortWarmUp);
        // A low rate needs a longer window for a meaningful p99.
        Add(round, key, await RunAsync(openRate < LowRate ? scale.SideWindow * 4 : scale.SideWindow));

        Task<LoadResult> RunAsync(TimeSpan duration) => openRate is { } rate
            ? load.RunOpenAsync(rate, duration, cancellationToken)
            : load.RunClosedAsync(duration, cancellationToken);
    }

    private static void Add(Round round, string key, LoadResult result)
    {
        result.ThrowIfRefused();
        round.Add($"{key}.rate", result.Rate);
        round.Add($"{key}.p50", result.Latency.P50);
        round.Add($"{key}.p99", result.Latency.P99);
        round.Add($"{key}.p999", result.Latency.P999);
    }
}
