using Platform.Benchmarks.Figures;
using Platform.Benchmarks.Load;
using Platform.Benchmarks.Stage;
using Platform.Simulator.Api;

namespace Platform.Benchmarks.Parts;

/// <summary>The cost of overdue checks after an outage: ingest and drain beside a reconciler that asks about one job after the other.</summary>
internal sealed class OverduePart(Scale scale) : IPart
{
    private const int Checks = 10_000;

    public string Id => "k";

    public string Name => "overdue checks";

    public async Task RunAsync(Rig rig, Round round, CancellationToken cancellationToken)
    {
        var count = await Backlog.SizeAsync(rig, Drainer.Ours, scale.CostDrained, cancellationToken);
        foreach (var isAsking in round.Number % 2 == 0 ? new[] { false, true } : [true, false])
        {
            await IngestAsync(rig, round, isAsking, cancellationToken);
            await DrainAsync(rig, round, isAsking, count, cancellationToken);
        }
    }

    private async Task IngestAsync(Rig rig, Round round, bool isAsking, CancellationToken cancellationToken)
    {
        Progress.Say($"ingest: {Key(isAsking)}");
        await rig.ClearAsync(cancellationToken);
        var requests = RequestSet.Render(RequestSet.PoolSize, Launcher.Secret, TimeProvider.System);
        await using var reconciler = isAsking ? await Asking.StartAsync(rig, cancellationToken) : null;
        await using var ingress = await Rig.StartAsync(rig.Launcher.Ingress(), cancellationToken);
        using var load = new HttpLoad(ingress.Port, requests, IngestPart.MainConnections);
        (await load.RunClosedAsync(scale.CostWarmUp, cancellationToken)).ThrowIfRefused();
        await rig.Queue.PurgeAsync(cancellationToken);
        round.Add($"{Key(isAsking)}.ingest", (await load.RunClosedAsync(scale.CostWindow, cancellationToken)).ThrowIfRefused().Rate);
        reconciler?.AddRequests(round, "ingest");
    }

    private static async Task DrainAsync(Rig rig, Round round, bool isAsking, DrainCount count, CancellationToken cancellationToken)
    {
        var backlog = await Backlog.CreateAsync(rig, Key(isAsking), count, cancellationToken);
        await using var reconciler = isAsking ? await Asking.StartAsync(rig, cancellationToken) : null;
        await using var hold = await rig.Tables.HoldOutboxAsync(cancellationToken);
        await using var worker = await Rig.StartAsync(rig.Launcher.Worker(), cancellationToken);
        round.Add($"{Key(isAsking)}.drain", (await backlog.MeasureStoredAsync(cancellationToken)).Steady.PerSecond);
        reconciler?.AddRequests(round, "drain");
    }

    private static string Key(bool isAsking) => isAsking ? "overdue.asking" : "overdue.off";

    /// <summary>A worker that reconciles, and the API that it asks. It knows no job, so that no check is followed by an event.</summary>
    private sealed class Asking(SimulatedMagicHour magicHour, Contestant worker) : IAsyncDisposable
    {
        private readonly long _began = TimeProvider.System.GetTimestamp();

        public static async Task<Asking> StartAsync(Rig rig, CancellationToken cancellationToken)
        {
            await rig.Tables.AddOverdueChecksAsync(Checks, cancellationToken);
            var magicHour = await SimulatedMagicHour.StartAsync(new SimulatedMagicHourOptions(), TimeProvider.System, cancellationToken);
            var worker = rig.Launcher.Reconciler(new Dictionary<string, string?>
            {
                ["MagicHourApi__BaseUrl"] = magicHour.Url,
                ["MagicHourApi__Key"] = magicHour.ApiKey,
            });
            return new Asking(magicHour, await Rig.StartAsync(worker, cancellationToken));
        }

        /// <summary>Without requests, there would be nothing to measure.</summary>
        public void AddRequests(Round round, string what)
        {
            var calls = magicHour.Calls.Report().Total;
            if (calls == 0)
            {
                throw new InvalidOperationException($"The reconciler asked nothing beside the {what}.");
            }

            round.Add($"overdue.asking.{what}.requests", calls / TimeProvider.System.GetElapsedTime(_began).TotalSeconds);
        }

        public async ValueTask DisposeAsync()
        {
            await worker.DisposeAsync();
            await magicHour.DisposeAsync();
        }
    }
}
