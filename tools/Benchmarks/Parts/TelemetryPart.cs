using System.Globalization;
using Platform.Benchmarks.Contestants;
using Platform.Benchmarks.Figures;
using Platform.Benchmarks.Load;
using Platform.Benchmarks.Stage;

namespace Platform.Benchmarks.Parts;

/// <summary>The cost of telemetry: ingest and drain without export, with a tenth of the traces sampled, and with all of them.</summary>
internal sealed class TelemetryPart(Scale scale) : IPart
{
    // A null share exports nothing.
    private static readonly (string Name, double? Share)[] Samplings = [("off", null), ("10", 0.1), ("100", 1)];

    public string Id => "g";

    public string Name => "telemetry";

    public async Task RunAsync(Rig rig, Round round, CancellationToken cancellationToken)
    {
        await using var collector = await Rig.StartAsync(rig.Launcher.Rival("collector"), cancellationToken);
        foreach (var (name, share) in Samplings)
        {
            await IngestAsync(rig, round, name, share, collector, cancellationToken);
        }

        var count = await Backlog.SizeAsync(rig, Drainer.Emptied, scale.CostDrained, cancellationToken);
        foreach (var (name, share) in Samplings)
        {
            await DrainAsync(rig, round, name, share, count, collector, cancellationToken);
        }
    }

    private async Task IngestAsync(
        Rig rig, Round round, string name, double? share, Contestant collector, CancellationToken cancellationToken)
    {
        Progress.Say($"ingest: telemetry {name}");
        await rig.ClearAsync(cancellationToken);
        var requests = RequestSet.Render(RequestSet.PoolSize, Launcher.Secret, TimeProvider.System);
        await using var ingress = await Rig.StartAsync(rig.Launcher.Ingress(Settings(share, collector)), cancellationToken);
        int events;
        using (var load = new HttpLoad(ingress.Port, requests, IngestPart.MainConnections))
        {
            var warmUp = (await load.RunClosedAsync(scale.CostWarmUp, cancellationToken)).ThrowIfRefused();
            await rig.Queue.PurgeAsync(cancellationToken);
            var measured = (await load.RunClosedAsync(scale.CostWindow, cancellationToken)).ThrowIfRefused();
            round.Add($"telemetry.ingest.{name}.rate", measured.Rate);
            events = warmUp.Accepted.Count + measured.Accepted.Count;
        }

        await AddSpansAsync(round, $"telemetry.ingest.{name}", share, ingress, collector, events, cancellationToken);
    }

    private static async Task DrainAsync(
        Rig rig, Round round, string name, double? share, DrainCount count, Contestant collector, CancellationToken cancellationToken)
    {
        var backlog = await Backlog.CreateAsync(rig, $"telemetry {name}", count, cancellationToken, share ?? 1);
        await using var worker = await Rig.StartAsync(rig.Launcher.Worker(Settings(share, collector)), cancellationToken);
        round.Add($"telemetry.drain.{name}.published", (await backlog.MeasurePublishedAsync(cancellationToken)).Steady.PerSecond);
        round.Add($"telemetry.drain.{name}.stored", (await backlog.MeasureStoredAsync(cancellationToken)).Steady.PerSecond);
        await AddSpansAsync(round, $"telemetry.drain.{name}", share, worker, collector, count.Total, cancellationToken);
    }

    private static Dictionary<string, string?> Settings(double? share, Contestant collector) => share is null ? [] : new()
    {
        ["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"http://127.0.0.1:{collector.Port}",
        ["OTEL_TRACES_SAMPLER"] = "parentbased_traceidratio",
        ["OTEL_TRACES_SAMPLER_ARG"] = share.Value.ToString(CultureInfo.InvariantCulture),
    };

    /// <summary>Records the spans that arrived, so that lost or missing spans cannot pass as a low cost.</summary>
    private static async Task AddSpansAsync(
        Round round, string key, double? share, Contestant service, Contestant collector, int events, CancellationToken cancellationToken)
    {
        // A graceful stop flushes the pending telemetry.
        await service.Process.StopAsync(cancellationToken);
        var collected = await CollectorContestant.TakeCountsAsync(collector.Port, cancellationToken);
        if (share is null ? collected.Requests > 0 : collected.Spans == 0)
        {
            throw new InvalidOperationException($"{key}: {collected.Spans} spans arrived, in {collected.Requests} requests.");
        }

        round.Add($"{key}.spans", (double)collected.Spans / events);
    }
}
