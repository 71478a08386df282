using Platform.Benchmarks.Figures;
using Platform.Benchmarks.Load;
using Platform.Benchmarks.Measures;
using Platform.LocalStack;

namespace Platform.Benchmarks.Stage;

/// <summary>Messages that wait in the queue for the worker that is started next, and how fast they are worked off.</summary>
internal sealed class Backlog
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    private readonly Rig _rig;
    private readonly int _messages;
    private readonly SampleEvents _events;

    private Backlog(Rig rig, int messages, SampleEvents events) => (_rig, _messages, _events) = (rig, messages, events);

    /// <summary>The jobs that the messages are about.</summary>
    public IEnumerable<string> JobIds => Enumerable.Range(0, _messages).Select(index => _events[index].JobId).Distinct();

    /// <summary>In an empty queue, beside empty tables.</summary>
    /// <param name="sampled">The share of the messages whose traces are sampled.</param>
    /// <param name="worker">It runs already, and is halted before the first message is there; whoever measures lets it go on.</param>
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
    /// <returns>How fast they came.</returns>
    public async Task<Steadiness> MeasureStoredAsync(CancellationToken cancellationToken)
    {
        await WaitUntilAllAreStoredAsync(cancellationToken);
        return SteadyRate.Of(await CommitTimes.ReadAsync(_rig.Tables.Database, "webhook_events", cancellationToken));
    }

    /// <summary>Waits until all have left the outbox.</summary>
    /// <returns>How fast they left.</returns>
    public async Task<Steadiness> MeasurePublishedAsync(CancellationToken cancellationToken)
    {
        await WaitUntilAllAreStoredAsync(cancellationToken);
        // Not as many as there are messages: of a start that comes after its end nobody is told.
        await Waiting.UntilAsync(
            "an empty outbox", async () => await _rig.Tables.CountAsync("outbox_message", cancellationToken) == 0, cancellationToken, Patience);
        return SteadyRate.Of(await CommitTimes.ReadAsync(_rig.Tables.Database, BenchTables.OutboxEmptied, cancellationToken, "rows"));
    }

    private async Task WaitUntilAllAreStoredAsync(CancellationToken cancellationToken)
    {
        // The broker is asked first: it does not mind, and the database has work to do.
        await Waiting.UntilAsync(
            "an empty queue", async () => await _rig.Queue.CountReadyAsync(cancellationToken) == 0, cancellationToken, Patience);
        await Waiting.UntilAsync(
            $"{_messages} events", async () => await _rig.Tables.CountAsync("webhook_events", cancellationToken) >= _messages, cancellationToken, Patience);
    }
}
