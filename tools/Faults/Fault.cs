namespace Platform.Faults;

/// <summary>A fault to inject, and the result it must have.</summary>
/// <param name="Id">The row in the fault matrix.</param>
/// <param name="What">The injected fault, for the report.</param>
/// <param name="Expected">The expected result, in addition to a clean verdict on the storm that runs meanwhile.</param>
/// <param name="RunAsync">Injects the fault, checks the expectation and returns the figures for the report.</param>
internal sealed record Fault(string Id, string What, string Expected, Func<FaultContext, Task<string>> RunAsync)
{
    /// <summary>Takes too long for the default run: runs only with <c>--full</c> or when named by <c>--only</c>.</summary>
    public bool IsFullOnly { get; init; }

    /// <summary>The fault counts as failed after this time.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(10);
}

/// <summary>The expected result was not observed.</summary>
internal sealed class UnexpectedException(string what) : Exception(what);

/// <summary>This machine lacks something the fault requires.</summary>
internal sealed class SkippedException(string why) : Exception(why);

/// <summary>The result of one fault.</summary>
internal sealed record FaultResult(Fault Fault, FaultVerdict Verdict, string Figures, TimeSpan Duration);

internal enum FaultVerdict
{
    Passed,
    Failed,

    /// <summary>Not run; never counted as passed.</summary>
    Skipped,
}
