using System.Globalization;

namespace Platform.Benchmarks.Contestants;

/// <summary>Lines in a contestant's log that report results to the bench.</summary>
internal static class Announcement
{
    private const string ReadyLine = "ready";
    private const string RatePrefix = "rate ";

    public static void Ready() => Console.WriteLine(ReadyLine);

    public static void Rate(double perSecond) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{RatePrefix}{perSecond:R}"));

    public static bool IsReady(string log) => File.Exists(log) && File.ReadLines(log).Contains(ReadyLine);

    /// <summary>The rate that the contestant measured; null until then.</summary>
    public static double? FindRate(string log) => File.ReadLines(log)
        .Where(line => line.StartsWith(RatePrefix, StringComparison.Ordinal))
        .Select(line => (double?)double.Parse(line.AsSpan(RatePrefix.Length), CultureInfo.InvariantCulture))
        .LastOrDefault();
}
