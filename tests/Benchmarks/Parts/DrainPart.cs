using Platform.Benchmarks.Figures;
using Platform.Benchmarks.Measures;
using Platform.Benchmarks.Stage;
using Platform.LocalStack;

namespace Platform.Benchmarks.Parts;

/// <summary>A backlog that one consumer works off: ours, and what it is held against.</summary>
internal sealed class DrainPart(Scale scale) : IPart
{
    private const string Worker = "worker";
    private const string Broker = "broker";
    private const string Postgres = "postgres";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

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
        await FillAsync(rig, name, scale.Drained, cancellationToken);
        await using var hold = isOutboxHeld ? await rig.Tables.HoldOutboxAsync(cancellationToken) : null;
        var before = await rig.Tables.ReadCountersAsync(cancellationToken);
        Steadiness steady;
        await using (var worker = await Rig.StartAsync(rig.Launcher.Worker(), cancellationToken))
        await using (var recorder = Record(rig, worker))
        {
            await WaitUntilDrainedAsync(rig, isOutboxHeld, cancellationToken);
            steady = SteadyRate.Of(isOutboxHeld
                ? await CommitTimes.ReadAsync(rig.Tables.Database, "webhook_events", cancellationToken)
                : await CommitTimes.ReadAsync(rig.Tables.Database, BenchTables.OutboxEmptied, cancellationToken, "rows"));
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
        await FillAsync(rig, "raw", scale.Drained, cancellationToken);
        await using var raw = await Rig.StartAsync(rig.Launcher.Rival("raw", scale.Drained), cancellationToken);
        await WaitUntilDrainedAsync(rig, isOutboxHeld: true, cancellationToken);
        var steps = await CommitTimes.ReadAsync(rig.Tables.Database, "webhook_events", cancellationToken);
        round.Add("drain.raw.rate", SteadyRate.Of(steps).PerSecond);
    }

    /// <summary>Of those that count for themselves.</summary>
    private static async Task DrainByItselfAsync(Rig rig, Round round, string name, int messages, CancellationToken cancellationToken)
    {
        await FillAsync(rig, name, messages, cancellationToken);
        var database = await rig.Tables.CreateUsualAsync(name, cancellationToken);
        await using var contestant = await Rig.StartAsync(rig.Launcher.Rival(name, messages, database), cancellationToken);
        round.Add($"drain.{name}.rate", await contestant.WaitForRateAsync(cancellationToken));
    }

    private static async Task FillAsync(Rig rig, string name, int messages, CancellationToken cancellationToken)
    {
        Progress.Say($"drain: {name}, {messages:#,0} messages");
        await rig.ClearAsync(cancellationToken);
        await rig.Queue.PreloadAsync(messages, cancellationToken);
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

    private async Task WaitUntilDrainedAsync(Rig rig, bool isOutboxHeld, CancellationToken cancellationToken)
    {
        // The broker is asked first: it does not mind, and the database has work to do.
        await Waiting.UntilAsync("an empty queue", async () => await rig.Queue.CountReadyAsync(cancellationToken) == 0, cancellationToken, Patience);
        await UntilAllAreInAsync("webhook_events", "count(*)");
        if (!isOutboxHeld)
        {
            await UntilAllAreInAsync(BenchTables.OutboxEmptied, "coalesce(sum(rows), 0)::bigint");
        }

        Task UntilAllAreInAsync(string table, string count) => Waiting.UntilAsync(
            $"{scale.Drained} in {table}",
            async () => await rig.Tables.ReadAsync<long>($"select {count} from {table}", cancellationToken) >= scale.Drained,
            cancellationToken,
            Patience);
    }
}
