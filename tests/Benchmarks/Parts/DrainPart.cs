using Platform.Benchmarks.Figures;
using Platform.Benchmarks.Measures;
using Platform.Benchmarks.Stage;

namespace Platform.Benchmarks.Parts;

/// <summary>A backlog that one consumer works off: ours, and what it is held against.</summary>
internal sealed class DrainPart(Scale scale) : IPart
{
    private const string Worker = "worker";
    private const string Broker = "broker";
    private const string Postgres = "postgres";

    public string Id => "b";

    public async Task RunAsync(Rig rig, Round round, CancellationToken cancellationToken)
    {
        await DrainOursAsync(rig, round, "ours", isOutboxHeld: true, cancellationToken);
        await DrainByItselfAsync(rig, round, "noop", scale.Drained, cancellationToken);
        await DrainRawAsync(rig, round, cancellationToken);
        await DrainOursAsync(rig, round, "emptied", isOutboxHeld: false, cancellationToken);
        await DrainByItselfAsync(rig, round, "usual", scale.DrainedUsually, cancellationToken);
    }

    private async Task DrainOursAsync(Rig rig, Round round, string name, bool isOutboxHeld, CancellationToken cancellationToken)
    {
        var backlog = await Backlog.CreateAsync(rig, name, scale.Drained, cancellationToken);
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

        // The worker's sessions are over: they have told all that they did.
        var counted = (await rig.Tables.ReadCountersAsync(cancellationToken)).Since(before);
        round.Add($"drain.{name}.rate", steady.PerSecond);
        round.Add($"drain.{name}.commits", counted.Commits * 1000.0 / scale.Drained);
        round.Add($"drain.{name}.wal", (double)counted.WalBytes / scale.Drained);
        round.Add($"drain.{name}.statements", counted.Statements is { } statements ? (double)statements / scale.Drained : double.NaN);
    }

    private async Task DrainRawAsync(Rig rig, Round round, CancellationToken cancellationToken)
    {
        var backlog = await Backlog.CreateAsync(rig, "raw", scale.Drained, cancellationToken);
        await using var raw = await Rig.StartAsync(rig.Launcher.Rival("raw", scale.Drained), cancellationToken);
        round.Add("drain.raw.rate", (await backlog.MeasureStoredAsync(cancellationToken)).PerSecond);
    }

    /// <summary>Of those that count for themselves.</summary>
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
