using System.Diagnostics;
using Npgsql;
using Platform.Benchmarks.Figures;
using Platform.Benchmarks.Load;
using Platform.Benchmarks.Measures;
using Platform.Benchmarks.Stage;

namespace Platform.Benchmarks.Parts;

/// <summary>
/// The handler of the sender's guide beside ours: what each answers and what it stores meanwhile, and what it has acknowledged and lost
/// when it is killed under that load.
/// </summary>
internal sealed class GuidePart(Scale scale) : IPart
{
    // More than either answers in a second here: every request shall be of another event.
    private const int MostPerSecond = 12_000;

    private static readonly TimeSpan UntilKilled = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(1);

    // With an empty queue, for what a worker has in work.
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(20);

    public string Id => "d";

    public async Task RunAsync(Rig rig, Round round, CancellationToken cancellationToken)
    {
        await MeasureGuideAsync(rig, round, cancellationToken);
        await MeasureOursAsync(rig, round, cancellationToken);
    }

    private async Task MeasureGuideAsync(Rig rig, Round round, CancellationToken cancellationToken)
    {
        Progress.Say("the guide's handler");
        await rig.ClearAsync(cancellationToken);
        var connectionString = await rig.Tables.CreateUsualAsync("guide", cancellationToken);
        await using var database = NpgsqlDataSource.Create(connectionString);
        await using var guide = await Rig.StartAsync(rig.Launcher.Rival("guide", database: connectionString), cancellationToken);
        var acknowledged = await MeasureAsync(round, "guide.guide", [guide], database, "events", cancellationToken);
        round.Add("guide.guide.acknowledged", acknowledged.Count);
        await RemoveStoredAsync(acknowledged, database, "events", cancellationToken);
        round.Add("guide.guide.lost", acknowledged.Count);
    }

    private async Task MeasureOursAsync(Rig rig, Round round, CancellationToken cancellationToken)
    {
        Progress.Say("ours, ingress and worker");
        await rig.ClearAsync(cancellationToken);
        await using var ingress = await Rig.StartAsync(rig.Launcher.Ingress(), cancellationToken);
        await using var worker = await Rig.StartAsync(rig.Launcher.Worker(), cancellationToken);
        var acknowledged = await MeasureAsync(
            round, "guide.ours", [ingress, worker], rig.Tables.Database, "webhook_events", cancellationToken);

        await worker.Process.StartAsync(cancellationToken);
        round.Add("guide.ours.acknowledged", acknowledged.Count);
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

        round.Add("guide.ours.lost", acknowledged.Count);
    }

    /// <param name="processes">The first of them answers.</param>
    /// <returns>The events that were acknowledged until the processes were killed.</returns>
    private async Task<HashSet<Guid>> MeasureAsync(
        Round round, string key, Contestant[] processes, NpgsqlDataSource database, string table, CancellationToken cancellationToken)
    {
        var seconds = (scale.WarmUp + scale.Window + UntilKilled).TotalSeconds;
        var requests = RequestSet.Render((int)(seconds * MostPerSecond), Launcher.Secret, TimeProvider.System);
        using var load = new HttpLoad(processes[0].Port, requests, IngestPart.MainConnections);
        var warmUp = await load.RunClosedAsync(scale.WarmUp, cancellationToken);
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
        return [.. new[] { warmUp, measured, killed }.SelectMany(result => result.Accepted).Select(requests.EventIdOf)];
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
