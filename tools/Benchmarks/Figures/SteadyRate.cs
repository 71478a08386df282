namespace Platform.Benchmarks.Figures;

/// <summary>The rates of a process with discrete steps: once it is warm, and just after its start.</summary>
internal static class SteadyRate
{
    /// <summary>The rate after the warm-up.</summary>
    /// <param name="steps">Times and counts, in any order.</param>
    /// <param name="warmUpShare">The share of all items that is warm-up, below 1. The first step is never measured.</param>
    /// <exception cref="InvalidOperationException">There is no step after the warm-up.</exception>
    public static Steadiness FromSteps(IEnumerable<Step> steps, double warmUpShare)
    {
        var ordered = steps.OrderBy(step => step.At).ToArray();
        var warm = CountSteps(ordered, Math.Max(1, ordered.Sum(step => step.Count) * warmUpShare));
        return warm < ordered.Length ? Between(ordered, warm, ordered.Length) : throw new InvalidOperationException("There are too few steps for a rate.");
    }

    /// <summary>The rate of the first items, from the first step; NaN with a single step.</summary>
    public static double OfFirst(IEnumerable<Step> steps, long count)
    {
        var ordered = steps.OrderBy(step => step.At).ToArray();
        return ordered.Length < 2 ? double.NaN : Between(ordered, 1, Math.Max(2, CountSteps(ordered, count))).PerSecond;
    }

    /// <summary>The number of steps, from the first, that complete so many items.</summary>
    private static int CountSteps(Step[] ordered, double items)
    {
        var done = 0L;
        var steps = 0;
        while (steps < ordered.Length && done < items)
        {
            done += ordered[steps++].Count;
        }

        return steps;
    }

    private static Steadiness Between(Step[] ordered, int from, int to) =>
        new(ordered[from - 1].At, ordered[to - 1].At, ordered[from..to].Sum(step => step.Count));
}

/// <summary>A number of items completed at one time.</summary>
internal readonly record struct Step(DateTime At, long Count);

/// <summary>The measured part.</summary>
internal readonly record struct Steadiness(DateTime From, DateTime To, long Count)
{
    public double PerSecond => Count / (To - From).TotalSeconds;
}
