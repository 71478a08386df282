using Platform.Benchmarks.Figures;
using Platform.Benchmarks.Measures;
using Platform.Benchmarks.Stage;

namespace Platform.Benchmarks.Parts;

/// <summary>A backlog drained by one consumer: the worker, then the contestants it is compared with.</summary>
internal sealed class DrainPart(Scale scale) : IPart
{
    private const string Worker = "worker";
    private const string Broker = "broker";
    private const string Postgres = "postgres";

    public string Id => "b";

    public string Name => "drain";

    public async Task RunAsync(Rig rig, Round round, CancellationToken cancellationToken)
    {
        var messages = await Backlog.SizeAsync(rig, scale.Drained, cancellationToken);
        await DrainOursAsync(rig, round, "ours", messages, isOutboxHeld: true, cancellationToken);
        await DrainByItselfAsync(rig, round, "noop", messages, cancellationToken);
        await DrainRawAsync(rig, round, messages, cancellationToken);
        await DrainOursAsync(rig, round, "emptied", messages, isOutboxHeld: false, cancellationToken);
        await DrainByItselfAsync(rig, round, "usual", scale.DrainedUsually, cancellationToken);
    }

    private static async Task DrainOursAsync(Rig rig, Round round, string name, int messages, bool isOutboxHeld, CancellationToken cancellationToken)
    {
        var backlog = await Backlog.CreateAsync(rig, name, messages, cancellationToken);
        await using var hold = isOutboxHeld ? await rig.Tables.HoldOutboxAsync(cancellationToken) : null;
        var before = await rig.Tables.ReadCountersAsync(cancellationToken);
        Steadiness steady;
        await using (var worker = await Rig.StartAsync(rig.Launcher.Worker(), cancellationToken))
        await using (var recorder = Record(rig, worker))
        {
            steady = isOutboxHeld
                ? await backlog.MeasureStoredAsync(cancellationToken)
                : await backlog.MeasurePublishedAsync(cancellationToken);
            AddUsage(round, $"drain.{name}", recorder, steady);
            round.Add($"drain.{name}.memory", worker.MemoryMegabytes);
        }

        // The worker's sessions have ended, so their statistics are flushed.
        var counted = (await rig.Tables.ReadCountersAsync(cancellationToken)).Since(before);
        round.Add($"drain.{name}.rate", steady.PerSecond);
        round.Add($"drain.{name}.commits", counted.Commits * 1000.0 / messages);
        round.Add($"drain.{name}.wal", (double)counted.WalBytes / messages);
        round.Add($"drain.{name}.statements", counted.Statements is { } statements ? (double)statements / messages : double.NaN);
    }

    private static async Task DrainRawAsync(Rig rig, Round round, int messages, CancellationToken cancellationToken)
    {
        var backlog = await Backlog.CreateAsync(rig, "raw", messages, cancellationToken);
        await using var raw = await Rig.StartAsync(rig.Launcher.Rival("raw", messages), cancellationToken);
        round.Add("drain.raw.rate", (await backlog.MeasureStoredAsync(cancellationToken)).PerSecond);
    }

    /// <summary>Drains with contestants that measure their own rate.</summary>
    private static async Task DrainByItselfAsync(Rig rig, Round round, string name, int messages, CancellationToken cancellationToken)
    {
        await Backlog.CreateAsync(rig, name, messages, cancellationToken);
        var database = await rig.Tables.CreateUsualAsync(name, cancellationToken);
        await using var contestant = await Rig.StartAsync(rig.Launcher.Rival(name, messages, database), cancellationToken);
        round.Add($"drain.{name}.rate", await contestant.WaitForRateAsync(cancellationToken));
    }

    private static UsageRecorder Record(Rig rig, Contestant worker) => new UsageRecorder(new Dictionary<string, int>
    {
        [Worker] = worker.Pid,
        [Broker] = rig.BrokerPid,
        [Postgres] = rig.DatabasePid,
    }).Start();

    private static void AddUsage(Round round, string key, UsageRecorder recorder, Steadiness steady)
    {
        foreach (var name in new[] { Worker, Broker, Postgres })
        {
            var usage = recorder.Between(name, steady.From, steady.To);
            round.Add($"{key}.cpu.{name}", usage.Cpu.TotalMicroseconds / steady.Count);
            round.Add($"{key}.written.{name}", (double)usage.WrittenBytes / steady.Count);
        }
    }
}
