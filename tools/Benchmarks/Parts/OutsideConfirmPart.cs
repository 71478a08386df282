using Platform.Benchmarks.Figures;
using Platform.Benchmarks.Load;
using Platform.Benchmarks.Measures;
using Platform.Benchmarks.Stage;

namespace Platform.Benchmarks.Parts;

/// <summary>The time the ingress adds to the broker's confirm at half load, from its own log.</summary>
internal sealed class OutsideConfirmPart(Scale scale) : IPart
{
    public string Id => "f";

    public string Name => "outside the confirm";

    public async Task RunAsync(Rig rig, Round round, CancellationToken cancellationToken)
    {
        Progress.Say("ingress outside the confirm");
        await rig.ClearAsync(cancellationToken);
        await using var ingress = await Rig.StartAsync(rig.Launcher.Ingress(), cancellationToken);
        var requests = RequestSet.Render(RequestSet.PoolSize, Launcher.Secret, TimeProvider.System);
        using var load = new HttpLoad(ingress.Port, requests, IngestPart.MainConnections);
        await load.RunClosedAsync(scale.WarmUp, cancellationToken);
        var full = (await load.RunClosedAsync(scale.SideWindow, cancellationToken)).ThrowIfRefused();

        await rig.Queue.PurgeAsync(cancellationToken);
        var from = new FileInfo(ingress.LogFile).Length;
        (await load.RunOpenAsync(full.Rate / 2, scale.Window, cancellationToken)).ThrowIfRefused();
        var times = AnswerLog.ReadTimesOutsideConfirm(ingress.LogFile, from);
        if (times.Count == 0)
        {
            throw new InvalidOperationException("The ingress's log does not contain the confirm times.");
        }

        round.Add("outside.p50", times.P50);
        round.Add("outside.p99", times.P99);
    }
}
