using System.Diagnostics;
using Npgsql;
using Platform.Benchmarks.Figures;
using Platform.Benchmarks.Load;
using Platform.Benchmarks.Measures;
using Platform.Benchmarks.Stage;

namespace Platform.Benchmarks.Parts;

/// <summary>
/// The platform against the handler of the sender's guide: the rates at which each answers and stores, and the acknowledged events that
/// each loses when it is killed under that load; the same with Wolverine instead of the worker.
/// </summary>
internal sealed class GuidePart(Scale scale) : IPart
{
    // For the warm-up, which may repeat events.
    private const int WarmUpRequests = 50_000;

    // Every measured request needs a distinct event, and a warm program may be faster than during its warm-up.
    private const double MostFaster = 2;

    private static readonly TimeSpan UntilKilled = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(1);

    // Time for in-flight messages once the queue is empty.
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(20);

    public string Id => "d";

    public string Name => "the guide's handler";

    public async Task RunAsync(Rig rig, Round round, CancellationToken cancellationToken)
    {
        await MeasureGuideAsync(rig, round, cancellationToken);
        await MeasureWorkerAsync(rig, round, "ours", rig.Launcher.Worker(), cancellationToken);
        await MeasureWorkerAsync(rig, round, LatencyPart.WolverineBatch, rig.Launcher.Peer(LatencyPart.WolverineBatch), cancellationToken);
    }

    private async Task MeasureGuideAsync(Rig rig, Round round, CancellationToken cancellationToken)
    {
        Progress.Say("the guide's handler");
        await rig.ClearAsync(cancellationToken);
        var connectionString = await rig.Tables.CreateGuideDatabaseAsync(cancellationToken);
        await using var database = NpgsqlDataSource.Create(connectionString);
        await using var guide = await Rig.StartAsync(rig.Launcher.Rival("guide", database: connectionString), cancellationToken);
        var acknowledged = await MeasureAsync(round, "guide.guide", [guide], database, "events", cancellationToken);
        round.Add("guide.guide.acknowledged", acknowledged.Count);
        await RemoveStoredAsync(acknowledged, database, "events", cancellationToken);
        round.Add("guide.guide.lost", acknowledged.Count);
    }

    private async Task MeasureWorkerAsync(Rig rig, Round round, string name, Contestant consumer, CancellationToken cancellationToken)
    {
        Progress.Say($"the platform, ingress and {consumer.Process.Name}");
        await rig.ClearAsync(cancellationToken);
        await using var ingress = await Rig.StartAsync(rig.Launcher.Ingress(), cancellationToken);
        await using var worker = await Rig.StartAsync(consumer, cancellationToken);
        var acknowledged = await MeasureAsync(
            round, $"guide.{name}", [ingress, worker], rig.Tables.Database, "webhook_events", cancellationToken);

        await worker.Process.StartAsync(cancellationToken);
        round.Add($"guide.{name}.acknowledged", acknowledged.Count);
        var emptySince = Stopwatch.StartNew();
        while (acknowledged.Count > 0 && emptySince.Elapsed < Grace)
        {
            await Task.Delay(Poll, cancellationToken);
            if (await rig.Queue.CountReadyAsync(cancellationToken) > 0)
            {
                emptySince.Restart();
                continue;
            }

            await RemoveStoredAsync(acknowledged, rig.Tables.Database, "webhook_events", cancellationToken);
        }

        round.Add($"guide.{name}.lost", acknowledged.Count);
    }

    /// <param name="processes">The processes to kill; the first one answers requests.</param>
    /// <returns>The events acknowledged before the processes were killed.</returns>
    private async Task<HashSet<Guid>> MeasureAsync(
        Round round, string key, Contestant[] processes, NpgsqlDataSource database, string table, CancellationToken cancellationToken)
    {
        var warmUpRequests = RequestSet.Render(WarmUpRequests, Launcher.Secret, TimeProvider.System);
        using var warmUpLoad = new HttpLoad(processes[0].Port, warmUpRequests, IngestPart.MainConnections);
        var warmUp = await warmUpLoad.RunClosedAsync(scale.WarmUp, cancellationToken);

        var seconds = (scale.Window + UntilKilled * 2).TotalSeconds;
        var requests = RequestSet.Render((int)(warmUp.Rate * MostFaster * seconds) + 1, Launcher.Secret, TimeProvider.System);
        using var load = new HttpLoad(processes[0].Port, requests, IngestPart.MainConnections);
        var from = DateTime.UtcNow;
        var measured = (await load.RunClosedAsync(scale.Window, cancellationToken)).ThrowIfRefused();
        var to = DateTime.UtcNow;

        var dying = load.RunClosedAsync(UntilKilled * 2, cancellationToken);
        await Task.Delay(UntilKilled, cancellationToken);
        await Task.WhenAll(processes.Select(process => process.Process.KillAsync(cancellationToken)));
        var killed = await dying;

        var stored = (await CommitTimes.ReadAsync(database, table, cancellationToken)).Where(step => step.At >= from && step.At < to);
        round.Add($"{key}.answered", measured.Rate);
        round.Add($"{key}.p99", measured.Latency.P99);
        round.Add($"{key}.stored", stored.Sum(step => step.Count) / (to - from).TotalSeconds);
        return
        [
            .. warmUp.Accepted.Select(warmUpRequests.EventIdOf),
            .. new[] { measured, killed }.SelectMany(result => result.Accepted).Select(requests.EventIdOf),
        ];
    }

    private static async Task RemoveStoredAsync(
        HashSet<Guid> acknowledged, NpgsqlDataSource database, string table, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand($"select event_id from {table}");
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        while (await row.ReadAsync(cancellationToken))
        {
            acknowledged.Remove(row.GetGuid(0));
        }
    }
}
