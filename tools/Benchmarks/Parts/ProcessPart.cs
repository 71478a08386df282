using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Platform.Benchmarks.Figures;
using Platform.Benchmarks.Load;
using Platform.Benchmarks.Measures;
using Platform.Benchmarks.Stage;
using Platform.DevStack;

namespace Platform.Benchmarks.Parts;

/// <summary>The processes themselves: start time, memory at rest, and image size.</summary>
internal sealed class ProcessPart : IPart
{
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(2);

    public string Id => "e";

    public string Name => "processes";

    public async Task RunAsync(Rig rig, Round round, CancellationToken cancellationToken)
    {
        Progress.Say("starts, memory at rest, images");
        await rig.ClearAsync(cancellationToken);
        await Waiting.UntilAsync("broker and database are at rest", () => AreAtRestAsync(rig, cancellationToken), cancellationToken);
        await using var ingress = rig.Launcher.Ingress();
        round.Add("process.ingress.start", (await StartAsync(ingress, cancellationToken)).TotalSeconds);
        await using var worker = await Rig.StartAsync(rig.Launcher.Worker(), cancellationToken);
        await Task.Delay(Rest, cancellationToken);
        round.Add("process.ingress.rest", ingress.MemoryMegabytes);
        round.Add("process.worker.rest", worker.MemoryMegabytes);
        await AddImageAsync(round, "process.ingress.image", "platform/ingress-api", cancellationToken);
        await AddImageAsync(round, "process.worker.image", "platform/processor-worker", cancellationToken);
    }

    /// <summary>Whether both have finished work left over from the previous part.</summary>
    private static async Task<bool> AreAtRestAsync(Rig rig, CancellationToken cancellationToken)
    {
        var before = ProcessTree.Read(rig.BrokerPid, rig.DatabasePid);
        await Task.Delay(Look, cancellationToken);
        var after = ProcessTree.Read(rig.BrokerPid, rig.DatabasePid);
        return before.Zip(after).All(server => server.Second.Since(server.First).Cpu < Look / 10);
    }

    /// <returns>Time from the start of the process to its first confirmed 200.</returns>
    private static async Task<TimeSpan> StartAsync(Contestant ingress, CancellationToken cancellationToken)
    {
        var requests = RequestSet.Render(1, Launcher.Secret, TimeProvider.System);
        var started = Stopwatch.GetTimestamp();
        var starting = ingress.Process.StartAsync(cancellationToken);
        while (!await IsAcceptedAsync(ingress.Port, requests, cancellationToken))
        {
            await Task.Delay(Poll, cancellationToken);
        }

        var elapsed = Stopwatch.GetElapsedTime(started);
        await starting;
        return elapsed;
    }

    private static async Task<bool> IsAcceptedAsync(int port, RequestSet requests, CancellationToken cancellationToken)
    {
        try
        {
            using var load = new HttpLoad(port, requests, connections: 1);
            return (await load.RunOpenAsync(perSecond: 1 / Poll.TotalSeconds, Poll, cancellationToken)).Accepted.Count == 1;
        }
        catch (SocketException)
        {
            // The ingress does not listen yet.
            return false;
        }
    }

    private static async Task AddImageAsync(Round round, string key, string image, CancellationToken cancellationToken)
    {
        var size = await DockerEngine.FindObstacleAsync(cancellationToken) is null
            ? await Machine.RunAsync("docker", ["image", "inspect", "--format", "{{.Size}}", image], cancellationToken)
            : null;
        round.Add(key, size is { Succeeded: true } ? long.Parse(size.LastLine, CultureInfo.InvariantCulture) / 1e6 : double.NaN);
    }
}
