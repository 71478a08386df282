using Platform.Benchmarks.Figures;
using Platform.Benchmarks.Load;
using Platform.Benchmarks.Measures;
using Platform.DevStack;

namespace Platform.Benchmarks.Stage;

/// <summary>Messages queued for the next worker, and the rate at which it drains them.</summary>
internal sealed class Backlog
{
    private const int PaceMessages = 10_000;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    private readonly Rig _rig;
    private readonly int _messages;
    private readonly SampleEvents _events;

    private Backlog(Rig rig, int messages, SampleEvents events) => (_rig, _messages, _events) = (rig, messages, events);

    /// <summary>The jobs that the messages are about.</summary>
    public IEnumerable<string> JobIds => Enumerable.Range(0, _messages).Select(index => _events[index].JobId).Distinct();

    /// <summary>The number of messages for a drain on this machine. The first call determines it with an unmeasured drain.</summary>
    public static async Task<int> SizeAsync(Rig rig, DrainSize size, CancellationToken cancellationToken)
    {
        rig.Pace ??= await FindPaceAsync(rig, cancellationToken);
        return rig.Pace.MessagesFor(size);
    }

    /// <summary>Fills an empty queue, with empty tables.</summary>
    /// <param name="sampled">The share of the messages whose traces are sampled.</param>
    /// <param name="worker">A running worker, halted before the first message is published; the caller resumes it.</param>
    public static async Task<Backlog> CreateAsync(
        Rig rig, string name, int messages, CancellationToken cancellationToken, double sampled = 1, Contestant? worker = null)
    {
        Progress.Say($"drain: {name}, {messages:#,0} messages");
        await rig.ClearAsync(cancellationToken);
        worker?.Process.Halt();
        var events = new SampleEvents(TimeProvider.System.GetUtcNow());
        await rig.Queue.PreloadAsync(events, messages, sampled, cancellationToken);
        return new Backlog(rig, messages, events);
    }

    /// <summary>Waits until all are in the tables.</summary>
    /// <returns>The rate at which they were stored.</returns>
    public async Task<Steadiness> MeasureStoredAsync(CancellationToken cancellationToken)
    {
        await WaitUntilAllAreStoredAsync(cancellationToken);
        return SteadyRate.Of(await CommitTimes.ReadAsync(_rig.Tables.Database, "webhook_events", cancellationToken));
    }

    /// <summary>Waits until all have left the outbox.</summary>
    /// <returns>The rate at which they left.</returns>
    public async Task<Steadiness> MeasurePublishedAsync(CancellationToken cancellationToken)
    {
        await WaitUntilAllAreStoredAsync(cancellationToken);
        // Do not expect one domain event per message: a start that arrives after its end has none.
        await Waiting.UntilAsync(
            "an empty outbox", async () => await _rig.Tables.CountAsync("outbox_message", cancellationToken) == 0, cancellationToken, Patience);
        return SteadyRate.Of(await CommitTimes.ReadAsync(_rig.Tables.Database, BenchTables.OutboxEmptied, cancellationToken, "rows"));
    }

    private static async Task<Pace> FindPaceAsync(Rig rig, CancellationToken cancellationToken)
    {
        var backlog = await CreateAsync(rig, "the pace of this machine", PaceMessages, cancellationToken);
        await using var worker = await Rig.StartAsync(rig.Launcher.Worker(), cancellationToken);
        return new Pace((await backlog.MeasureStoredAsync(cancellationToken)).PerSecond);
    }

    private async Task WaitUntilAllAreStoredAsync(CancellationToken cancellationToken)
    {
        // Poll the broker first, because polling the database would slow the drain.
        await Waiting.UntilAsync(
            "an empty queue", async () => await _rig.Queue.CountReadyAsync(cancellationToken) == 0, cancellationToken, Patience);
        await Waiting.UntilAsync(
            $"{_messages} events", async () => await _rig.Tables.CountAsync("webhook_events", cancellationToken) >= _messages, cancellationToken, Patience);
    }
}
