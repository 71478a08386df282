using Platform.Benchmarks.Figures;
using Platform.Benchmarks.Load;
using Platform.Benchmarks.Measures;
using Platform.DevStack;

namespace Platform.Benchmarks.Stage;

/// <summary>Messages queued for the next consumer, and the rate at which it drains them.</summary>
internal sealed class Backlog
{
    private static readonly DrainCount PaceCount = new(WarmUp: 5_000, Measured: 5_000);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan BetweenCounts = TimeSpan.FromSeconds(0.5);

    private readonly Rig _rig;
    private readonly DrainCount _count;
    private readonly SampleEvents _events;

    private Backlog(Rig rig, DrainCount count, SampleEvents events) => (_rig, _count, _events) = (rig, count, events);

    /// <summary>The jobs that the messages are about.</summary>
    public IEnumerable<string> JobIds => Enumerable.Range(0, _count.Total).Select(index => _events[index].JobId).Distinct();

    /// <summary>The number of messages for a drain on this machine. The first call for a consumer determines it with an unmeasured drain.</summary>
    public static async Task<DrainCount> SizeAsync(Rig rig, Drainer drainer, DrainSize size, CancellationToken cancellationToken)
    {
        if (!rig.Paces.TryGetValue(drainer.Name, out var pace))
        {
            rig.Paces[drainer.Name] = pace = await FindPaceAsync(rig, drainer, cancellationToken);
        }

        return pace.CountFor(size);
    }

    /// <summary>Fills an empty queue, with empty tables.</summary>
    /// <param name="sampled">The share of the messages whose traces are sampled.</param>
    /// <param name="isNumbered">The messages are numbered for the accounting, as those of one ingress.</param>
    /// <param name="worker">A running worker, halted before the first message is published; the caller resumes it.</param>
    public static async Task<Backlog> CreateAsync(
        Rig rig, string name, DrainCount count, CancellationToken cancellationToken, double sampled = 1, Contestant? worker = null,
        bool isNumbered = false)
    {
        Progress.Say($"drain: {name}, {count.Total:#,0} messages");
        await rig.ClearAsync(cancellationToken);
        worker?.Process.Halt();
        var events = new SampleEvents(TimeProvider.System.GetUtcNow());
        await rig.Queue.PreloadAsync(events, count.Total, sampled, isNumbered, cancellationToken);
        return new Backlog(rig, count, events);
    }

    /// <summary>Waits until all are in the tables.</summary>
    /// <returns>The times at which they were stored.</returns>
    public async Task<DrainTimes> MeasureStoredAsync(CancellationToken cancellationToken)
    {
        await WaitUntilAllAreStoredAsync(cancellationToken);
        return new DrainTimes(await CommitTimes.ReadAsync(_rig.Tables.Database, "webhook_events", cancellationToken), _count);
    }

    /// <summary>Waits until all have left the outbox.</summary>
    /// <returns>The times at which they left.</returns>
    public async Task<DrainTimes> MeasurePublishedAsync(CancellationToken cancellationToken)
    {
        await WaitUntilAllAreStoredAsync(cancellationToken);
        // Do not expect one domain event per message: a start that arrives after its end has none.
        await WaitUntilGoneAsync("outbox_message", cancellationToken);
        return new DrainTimes(await CommitTimes.ReadAsync(_rig.Tables.Database, BenchTables.OutboxEmptied, cancellationToken, "rows"), _count);
    }

    /// <param name="rows">A table, or a table with a condition.</param>
    public Task WaitUntilGoneAsync(string rows, CancellationToken cancellationToken) => Waiting.UntilAsync(
        $"no rows of {rows}", async () => await _rig.Tables.CountAsync(rows, cancellationToken) == 0, cancellationToken, Patience);

    private static async Task<Pace> FindPaceAsync(Rig rig, Drainer drainer, CancellationToken cancellationToken)
    {
        var backlog = await CreateAsync(rig, $"the pace of {drainer.Name}", PaceCount, cancellationToken);
        await using var contestant = await Rig.StartAsync(drainer.Create(rig.Launcher, PaceCount), cancellationToken);
        return new Pace(drainer.MeasuresItself
            ? await contestant.WaitForRateAsync(cancellationToken)
            : (await backlog.MeasureStoredAsync(cancellationToken)).Steady.PerSecond);
    }

    private async Task WaitUntilAllAreStoredAsync(CancellationToken cancellationToken)
    {
        // Poll the broker first, because polling the database would slow the drain.
        await Waiting.UntilAsync(
            "an empty queue", async () => await _rig.Queue.CountReadyAsync(cancellationToken) == 0, cancellationToken, Patience);
        await Waiting.UntilAsync(
            $"{_count.Total} events",
            async () =>
            {
                // A contestant may still be at it, and counting takes cores from it.
                await Task.Delay(BetweenCounts, cancellationToken);
                return await _rig.Tables.CountAsync("webhook_events", cancellationToken) >= _count.Total;
            },
            cancellationToken,
            Patience);
    }
}

/// <summary>When the messages of a drain were done.</summary>
internal sealed record DrainTimes(IReadOnlyList<Step> Steps, DrainCount Count)
{
    // About two seconds of a worker that compiles what it runs.
    private const int First = 10_000;

    /// <summary>The drain after its warm-up.</summary>
    public Steadiness Steady => SteadyRate.FromSteps(Steps, Count.WarmUpShare);

    /// <summary>The rate of a process that has just started.</summary>
    public double FirstRate => SteadyRate.OfFirst(Steps, First);
}
