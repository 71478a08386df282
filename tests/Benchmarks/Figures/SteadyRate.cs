namespace Platform.Benchmarks.Figures;

/// <summary>The rate of something that is done in steps, without its beginning.</summary>
internal static class SteadyRate
{
    /// <summary>The share of a drain that warms up, and is not measured.</summary>
    public const double WarmUpShare = 0.3;

    /// <param name="steps">When so many were done; in any order.</param>
    public static Steadiness Of(IEnumerable<Step> steps)
    {
        var ordered = steps.OrderBy(step => step.At).ToArray();
        var warmUp = ordered.Sum(step => step.Count) * WarmUpShare;
        var done = 0L;
        var i = 0;
        while (i < ordered.Length && done < warmUp)
        {
            done += ordered[i++].Count;
        }

        var measured = ordered[i..];
        return measured.Length == 0
            ? throw new InvalidOperationException("It was done in too few steps to have a rate.")
            : new Steadiness(ordered[i - 1].At, measured[^1].At, measured.Sum(step => step.Count));
    }
}

/// <summary>So many were done at once.</summary>
internal readonly record struct Step(DateTime At, long Count);

/// <summary>The part that is measured.</summary>
internal readonly record struct Steadiness(DateTime From, DateTime To, long Count)
{
    public double PerSecond => Count / (To - From).TotalSeconds;
}
