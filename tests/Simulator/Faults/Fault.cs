namespace Platform.Simulator.Faults;

/// <summary>Something that goes wrong on purpose, and what must come of it.</summary>
/// <param name="Id">The row of the fault matrix.</param>
/// <param name="What">What is done.</param>
/// <param name="Expected">What must be seen, beside the verdict over the storm underneath.</param>
/// <param name="RunAsync">Does it, and returns the figures.</param>
internal sealed record Fault(string Id, string What, string Expected, Func<FaultContext, Task<string>> RunAsync)
{
    /// <summary>Takes too long for the default run: only with <c>--full</c>, or when it is asked for.</summary>
    public bool IsFullOnly { get; init; }

    /// <summary>After this time it has failed.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(10);
}

/// <summary>What was expected was not seen.</summary>
internal sealed class UnexpectedException(string what) : Exception(what);

/// <summary>What the fault needs is not to be had here.</summary>
internal sealed class SkippedException(string why) : Exception(why);

/// <summary>What came of a fault.</summary>
internal sealed record FaultResult(Fault Fault, FaultVerdict Verdict, string Figures, TimeSpan Duration);

internal enum FaultVerdict
{
    Passed,
    Failed,

    /// <summary>Not run; never counted as passed.</summary>
    Skipped,
}
