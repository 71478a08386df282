namespace Platform.Benchmarks.Figures;

/// <summary>A line of the table.</summary>
/// <param name="Part">The letter of <c>--only</c>.</param>
/// <param name="Key">Where its values are in <see cref="Rounds"/>.</param>
internal sealed record Figure(string Part, string What, string Key, string Unit)
{
    /// <summary>What it is held against; null when it stands alone.</summary>
    public Limit? Limit { get; init; }

    /// <summary>Of the ratio to the limit where there is one, else of the value; null when none was set.</summary>
    public Target? Target { get; init; }

    public Figure Against(string what, string key, Target? target = null) => this with { Limit = new Limit(what, key), Target = target };

    public Figure Within(Target target) => this with { Target = target };
}

/// <summary>What a figure is held against.</summary>
internal sealed record Limit(string What, string Key);

/// <summary>What is to be reached.</summary>
internal sealed record Target(double Bound, bool IsLowerBound)
{
    public static Target AtLeast(double bound) => new(bound, IsLowerBound: true);

    public static Target AtMost(double bound) => new(bound, IsLowerBound: false);

    public bool IsReachedBy(double value) => IsLowerBound ? value >= Bound : value <= Bound;
}
