using System.Diagnostics;

namespace Platform.Benchmarks;

/// <summary>Prints one line per step with the time since the start.</summary>
internal static class Progress
{
    private static readonly long Started = Stopwatch.GetTimestamp();

    public static void Say(string what) => Console.Error.WriteLine($"{Stopwatch.GetElapsedTime(Started):mm\\:ss}  {what} ...");
}
