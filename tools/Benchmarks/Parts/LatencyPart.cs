using Platform.Benchmarks.Figures;
using Platform.Benchmarks.Load;
using Platform.Benchmarks.Measures;
using Platform.Benchmarks.Stage;
using Platform.DevStack;

namespace Platform.Benchmarks.Parts;

/// <summary>Time from the receipt of an event to its commit, through the real ingress and one worker, at fixed rates.</summary>
internal sealed class LatencyPart(Scale scale) : IPart
{
    private const int WarmUpRate = 500;

    private static readonly int[] Rates = [50, 500, 2000];

    public string Id => "c";

    public string Name => "accept to commit";

    public async Task RunAsync(Rig rig, Round round, CancellationToken cancellationToken)
    {
        Progress.Say("accept to commit");
        await rig.ClearAsync(cancellationToken);
        await using var ingress = await Rig.StartAsync(rig.Launcher.Ingress(), cancellationToken);
        await using var worker = await Rig.StartAsync(rig.Launcher.Worker(), cancellationToken);
        await SendAsync(rig, ingress, WarmUpRate, scale.WarmUp, cancellationToken);
        foreach (var rate in Rates)
        {
            var from = DateTime.UtcNow;
            // A low rate needs a longer window for a meaningful p99.
            await SendAsync(rig, ingress, rate, rate < WarmUpRate ? scale.Window * 2 : scale.Window, cancellationToken);
            var delays = await CommitTimes.ReadDelaysAsync(rig.Tables.Database, from, cancellationToken);
            round.Add($"latency.{rate}.p50", delays.P50);
            round.Add($"latency.{rate}.p99", delays.P99);
        }
    }

    private static async Task SendAsync(Rig rig, Contestant ingress, int rate, TimeSpan duration, CancellationToken cancellationToken)
    {
        var known = await rig.Tables.CountAsync("webhook_events", cancellationToken);
        var requests = RequestSet.Render((int)(rate * duration.TotalSeconds) + 1, Launcher.Secret, TimeProvider.System);
        using var load = new HttpLoad(ingress.Port, requests, IngestPart.MainConnections);
        var sent = (await load.RunOpenAsync(rate, duration, cancellationToken)).ThrowIfRefused();
        await Waiting.UntilAsync(
            "all accepted events to be stored",
            async () => await rig.Tables.CountAsync("webhook_events", cancellationToken) >= known + sent.Accepted.Count,
            cancellationToken);
    }
}
