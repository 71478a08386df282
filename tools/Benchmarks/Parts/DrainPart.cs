using Platform.Benchmarks.Figures;
using Platform.Benchmarks.Measures;
using Platform.Benchmarks.Stage;

namespace Platform.Benchmarks.Parts;

/// <summary>A backlog drained by one consumer: the worker, its peers, and the limits of the clients.</summary>
internal sealed class DrainPart(Scale scale) : IPart
{
    private const string Worker = "worker";
    private const string Broker = "broker";
    private const string Postgres = "postgres";

    private static readonly Drainer[] Drainers =
        [Drainer.Ours, Drainer.WolverineBatch, Drainer.Raw, Drainer.Emptied, Drainer.WolverineInbox, Drainer.NoOp];

    public string Id => "b";

    public string Name => "drain";

    public async Task RunAsync(Rig rig, Round round, CancellationToken cancellationToken)
    {
        // Each round begins with a different one, because servers are slower just after their start.
        for (var i = 0; i < Drainers.Length; i++)
        {
            await DrainAsync(rig, round, Drainers[(round.Number + i) % Drainers.Length], cancellationToken);
        }
    }

    private async Task DrainAsync(Rig rig, Round round, Drainer drainer, CancellationToken cancellationToken)
    {
        var count = await Backlog.SizeAsync(rig, drainer, scale.Drained, cancellationToken);
        var backlog = await Backlog.CreateAsync(rig, drainer.Name, count, cancellationToken);
        await using var hold = drainer.IsOutboxHeld ? await rig.Tables.HoldOutboxAsync(cancellationToken) : null;
        var before = await rig.Tables.ReadCountersAsync(cancellationToken);
        var key = $"drain.{drainer.Name}";
        await using (var contestant = await Rig.StartAsync(drainer.Create(rig.Launcher, count), cancellationToken))
        {
            if (drainer.MeasuresItself)
            {
                round.Add($"{key}.rate", await contestant.WaitForRateAsync(cancellationToken));
                return;
            }

            await MeasureAsync(rig, round, key, drainer, backlog, contestant, cancellationToken);
        }

        // The contestant's sessions have ended, so their statistics are flushed.
        var counted = (await rig.Tables.ReadCountersAsync(cancellationToken)).Since(before);
        round.Add($"{key}.commits", counted.Commits * 1000.0 / count.Total);
        round.Add($"{key}.wal", (double)counted.WalBytes / count.Total);
        round.Add($"{key}.statements", counted.Statements is { } statements ? (double)statements / count.Total : double.NaN);
    }

    private static async Task MeasureAsync(
        Rig rig, Round round, string key, Drainer drainer, Backlog backlog, Contestant contestant, CancellationToken cancellationToken)
    {
        await using var recorder = Record(rig, contestant);
        var drained = drainer.IsUntilPublished
            ? await backlog.MeasurePublishedAsync(cancellationToken)
            : await backlog.MeasureStoredAsync(cancellationToken);
        round.Add($"{key}.memory", contestant.MemoryMegabytes);
        round.Add($"{key}.rate", drained.Steady.PerSecond);
        round.Add($"{key}.measured", drained.Steady.Count);
        round.Add($"{key}.seconds", (drained.Steady.To - drained.Steady.From).TotalSeconds);
        round.Add($"{key}.first", drained.FirstRate);
        AddUsage(round, key, recorder, drained.Steady);
        if (drainer.Unfinished is { } rows)
        {
            await backlog.WaitUntilGoneAsync(rows, cancellationToken);
        }
    }

    private static UsageRecorder Record(Rig rig, Contestant worker) => new UsageRecorder(new Dictionary<string, int>
    {
        [Worker] = worker.Pid,
        [Broker] = rig.BrokerPid,
        [Postgres] = rig.DatabasePid,
    }).Start();

    private static void AddUsage(Round round, string key, UsageRecorder recorder, Steadiness steady)
    {
        var cpu = TimeSpan.Zero;
        foreach (var name in new[] { Worker, Broker, Postgres })
        {
            var usage = recorder.Between(name, steady.From, steady.To);
            cpu += usage.Cpu;
            round.Add($"{key}.cpu.{name}", usage.Cpu.TotalMicroseconds / steady.Count);
            round.Add($"{key}.written.{name}", (double)usage.WrittenBytes / steady.Count);
        }

        round.Add($"{key}.percore", steady.Count / cpu.TotalSeconds);
    }
}
