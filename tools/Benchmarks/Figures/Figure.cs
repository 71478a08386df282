namespace Platform.Benchmarks.Figures;

/// <summary>A row of the table.</summary>
/// <param name="Part">The letter of <c>--only</c>.</param>
/// <param name="Key">The key of its values in <see cref="Rounds"/>.</param>
internal sealed record Figure(string Part, string What, string Key, string Unit)
{
    /// <summary>The limit it is compared with; null without one.</summary>
    public Limit? Limit { get; init; }

    /// <summary>Bounds the ratio to the limit if there is one, otherwise the value; null without a target.</summary>
    public Target? Target { get; init; }

    /// <summary>Belongs to the short table of docs/performance.md.</summary>
    public bool IsMain { get; init; }

    public Figure Against(string what, string key, Target? target = null) => this with { Limit = new Limit(what, key), Target = target };

    public Figure Within(Target target) => this with { Target = target };

    public Figure AsMain() => this with { IsMain = true };
}

/// <summary>The limit a figure is compared with.</summary>
internal sealed record Limit(string What, string Key);

/// <summary>A bound to reach.</summary>
internal sealed record Target(double Bound, bool IsLowerBound)
{
    public static Target AtLeast(double bound) => new(bound, IsLowerBound: true);

    public static Target AtMost(double bound) => new(bound, IsLowerBound: false);

    public bool IsReachedBy(double value) => IsLowerBound ? value >= Bound : value <= Bound;
}
