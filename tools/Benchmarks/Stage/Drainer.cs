using Platform.Benchmarks.Figures;

namespace Platform.Benchmarks.Stage;

/// <summary>A consumer whose drain of a backlog is measured.</summary>
/// <param name="Name">Its part of the keys of its figures.</param>
/// <param name="Create">Creates its process, not yet started, for so many messages.</param>
internal sealed record Drainer(string Name, Func<Launcher, DrainCount, Contestant> Create)
{
    private const string UnhandledByWolverine = "wolverine.wolverine_incoming_envelopes where status <> 'Handled'";

    /// <summary>The worker, whose outbox keeps its rows.</summary>
    public static Drainer Ours { get; } = new("ours", (launcher, _) => launcher.Worker()) { IsOutboxHeld = true };

    /// <summary>The worker, until the outbox is empty.</summary>
    public static Drainer Emptied { get; } = new("emptied", (launcher, _) => launcher.Worker()) { IsUntilPublished = true };

    public static Drainer Raw { get; } = Rival("raw");

    public static Drainer NoOp { get; } = Rival("noop") with { MeasuresItself = true };

    public static Drainer WolverineInbox { get; } = Peer("wolverine-inbox") with { Unfinished = UnhandledByWolverine };

    public static Drainer WolverineBatch { get; } = Peer("wolverine-batch") with { Unfinished = UnhandledByWolverine };

    public bool IsOutboxHeld { get; init; }

    public bool IsUntilPublished { get; init; }

    /// <summary>It writes no rows and announces its own rate.</summary>
    public bool MeasuresItself { get; init; }

    /// <summary>SQL: the rows that are left as long as it has not finished with every message; null when the events say so.</summary>
    public string? Unfinished { get; init; }

    private static Drainer Peer(string name) => new(name, (launcher, _) => launcher.Peer(name));

    private static Drainer Rival(string name) => new(name, (launcher, count) => launcher.Rival(name, count));
}
