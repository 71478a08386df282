namespace Platform.Simulator.MagicHour;

/// <summary>
/// The sender's retries: after 1, 2, 4, 8 … seconds, until 24 hours have passed. Both are divided by the compression.
/// </summary>
/// <param name="shortestGap">Minimum gap between two attempts, whatever the compression.</param>
public sealed class RetrySchedule(double timeCompression, TimeSpan shortestGap)
{
    private static readonly TimeSpan FirstGap = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Window = TimeSpan.FromHours(24);

    /// <summary>The delay before the next attempt; null when the sender gives up.</summary>
    /// <param name="attempts">Attempts made so far; at least one.</param>
    /// <param name="elapsed">Time since the first attempt began.</param>
    public TimeSpan? NextGap(int attempts, TimeSpan elapsed)
    {
        var seconds = Math.Max(FirstGap.TotalSeconds * Math.Pow(2, attempts - 1) / timeCompression, shortestGap.TotalSeconds);
        var left = Window / timeCompression - elapsed;
        return seconds <= left.TotalSeconds ? TimeSpan.FromSeconds(seconds) : null;
    }
}
