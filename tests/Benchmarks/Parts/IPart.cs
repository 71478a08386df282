using Platform.Benchmarks.Figures;
using Platform.Benchmarks.Stage;

namespace Platform.Benchmarks.Parts;

/// <summary>A part of the bench. In each round it lets every one of its contestants run once.</summary>
internal interface IPart
{
    /// <summary>The letter of <c>--only</c>.</summary>
    string Id { get; }

    Task RunAsync(Rig rig, Round round, CancellationToken cancellationToken);
}

/// <summary>How long everything takes.</summary>
internal sealed record Scale
{
    /// <summary>Before an ingress is measured: most of what it needs is compiled by then.</summary>
    public required TimeSpan WarmUp { get; init; }

    public required TimeSpan Window { get; init; }

    /// <summary>Of the loads beside the main one.</summary>
    public required TimeSpan SideWindow { get; init; }

    public required int Drained { get; init; }

    /// <summary>The usual inbox is only for scale, and slow.</summary>
    public required int DrainedUsually { get; init; }

    /// <summary>Of each ingress that is held against itself with other settings.</summary>
    public required TimeSpan CostWarmUp { get; init; }

    public required TimeSpan CostWindow { get; init; }

    /// <summary>By each worker that is held against itself with other settings.</summary>
    public required int CostDrained { get; init; }

    public static Scale Full { get; } = new()
    {
        WarmUp = TimeSpan.FromSeconds(8),
        Window = TimeSpan.FromSeconds(8),
        SideWindow = TimeSpan.FromSeconds(4),
        Drained = 50_000,
        DrainedUsually = 1_000,
        CostWarmUp = TimeSpan.FromSeconds(8),
        CostWindow = TimeSpan.FromSeconds(8),
        CostDrained = 30_000,
    };

    /// <summary>The whole bench in less than five minutes, with figures that are worth less.</summary>
    public static Scale Quick { get; } = new()
    {
        WarmUp = TimeSpan.FromSeconds(5),
        Window = TimeSpan.FromSeconds(3),
        SideWindow = TimeSpan.FromSeconds(1),
        Drained = 10_000,
        DrainedUsually = 300,
        CostWarmUp = TimeSpan.FromSeconds(2),
        CostWindow = TimeSpan.FromSeconds(2),
        CostDrained = 4_000,
    };
}
