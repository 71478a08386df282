namespace Platform.Benchmarks.Figures;

/// <summary>The rate of a process with discrete steps, excluding the warm-up.</summary>
internal static class SteadyRate
{
    /// <summary>The share of a drain that is warm-up and not measured.</summary>
    public const double WarmUpShare = 0.3;

    /// <param name="steps">Times and counts, in any order.</param>
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
            ? throw new InvalidOperationException("There are too few steps for a rate.")
            : new Steadiness(ordered[i - 1].At, measured[^1].At, measured.Sum(step => step.Count));
    }
}

/// <summary>A number of items completed at one time.</summary>
internal readonly record struct Step(DateTime At, long Count);

/// <summary>The measured part.</summary>
internal readonly record struct Steadiness(DateTime From, DateTime To, long Count)
{
    public double PerSecond => Count / (To - From).TotalSeconds;
}
