namespace Platform.Simulator.Storms;

/// <summary>
/// When the sender tries again: after 1, 2, 4, 8 … seconds, and no more once 24 hours are over. Both are divided by the compression.
/// </summary>
public sealed class RetrySchedule(double timeCompression)
{
    private static readonly TimeSpan FirstGap = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Window = TimeSpan.FromHours(24);

    // However much is compressed: a platform that is away must not be run over by the ones it keeps waiting.
    private static readonly TimeSpan ShortestGap = TimeSpan.FromMilliseconds(250);

    /// <summary>How long to wait before the next attempt; null when the sender gives up.</summary>
    /// <param name="attempts">Those that were made; at least one.</param>
    /// <param name="elapsed">Since the first of them began.</param>
    public TimeSpan? NextGap(int attempts, TimeSpan elapsed)
    {
        var seconds = FirstGap.TotalSeconds * Math.Pow(2, attempts - 1) / timeCompression;
        var left = Window / timeCompression - elapsed;
        if (seconds > left.TotalSeconds)
        {
            return null;
        }

        var gap = TimeSpan.FromSeconds(seconds);
        return gap < ShortestGap ? ShortestGap : gap;
    }
}
