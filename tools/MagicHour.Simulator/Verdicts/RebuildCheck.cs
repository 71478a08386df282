using Platform.DevStack;

namespace Platform.Simulator.Verdicts;

/// <summary>The worker's own check that every row of <c>jobs</c> is what its events say.</summary>
internal static class RebuildCheck
{
    public static IReadOnlyList<string> Verb { get; } = ["rebuild", "--check"];

    /// <summary>Prints the result as a line of a verdict, with what differs.</summary>
    /// <returns>True when nothing differs.</returns>
    public static bool Show(ProgramResult check)
    {
        Console.Write($"rebuild    {(check.Succeeded ? "clean" : "VIOLATED")}\n{(check.Succeeded ? "" : check.Output + check.Error)}");
        return check.Succeeded;
    }
}
