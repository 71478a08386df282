using Platform.Benchmarks.Figures;
using Platform.Benchmarks.Stage;

namespace Platform.Benchmarks.Parts;

/// <summary>A part of the bench. In each round it runs each of its contestants once.</summary>
internal interface IPart
{
    /// <summary>The letter of <c>--only</c>.</summary>
    string Id { get; }

    /// <summary>A short name of what it measures.</summary>
    string Name { get; }

    Task RunAsync(Rig rig, Round round, CancellationToken cancellationToken);
}

/// <summary>Durations and sizes of all measurements.</summary>
internal sealed record Scale
{
    // A worker compiles and recompiles its code for up to ten seconds.
    private static readonly DrainSize Steady = new(60_000, Window: TimeSpan.FromSeconds(10), WarmUp: TimeSpan.FromSeconds(10));

    /// <summary>Warm-up before an ingress is measured; most of its code is compiled by then.</summary>
    public required TimeSpan WarmUp { get; init; }

    public required TimeSpan Window { get; init; }

    /// <summary>Window of the secondary loads.</summary>
    public required TimeSpan SideWindow { get; init; }

    public required DrainSize Drained { get; init; }

    /// <summary>Warm-up of each ingress that is compared with itself under other settings.</summary>
    public required TimeSpan CostWarmUp { get; init; }

    public required TimeSpan CostWindow { get; init; }

    /// <summary>Drain of each worker that is compared with itself under other settings.</summary>
    public required DrainSize CostDrained { get; init; }

    /// <summary>Events in the history over which lists are measured.</summary>
    public required int HistoryEvents { get; init; }

    public static Scale Full { get; } = new()
    {
        WarmUp = TimeSpan.FromSeconds(8),
        Window = TimeSpan.FromSeconds(8),
        SideWindow = TimeSpan.FromSeconds(4),
        Drained = Steady,
        CostWarmUp = TimeSpan.FromSeconds(8),
        CostWindow = TimeSpan.FromSeconds(8),
        CostDrained = Steady,
        HistoryEvents = 10_000_000,
    };

    /// <summary>The whole bench in about ten minutes, with less reliable figures.</summary>
    public static Scale Quick { get; } = new()
    {
        WarmUp = TimeSpan.FromSeconds(5),
        Window = TimeSpan.FromSeconds(3),
        SideWindow = TimeSpan.FromSeconds(1),
        Drained = new DrainSize(10_000, Window: TimeSpan.FromSeconds(2), WarmUp: TimeSpan.FromSeconds(2)),
        CostWarmUp = TimeSpan.FromSeconds(2),
        CostWindow = TimeSpan.FromSeconds(2),
        CostDrained = new DrainSize(4_000, Window: TimeSpan.FromSeconds(1.5), WarmUp: TimeSpan.FromSeconds(1)),
        HistoryEvents = 200_000,
    };
}
