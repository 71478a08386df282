namespace Processor.Worker.Notifications;

/// <summary>When a notification that failed is tried again.</summary>
internal static class RetrySchedule
{
    private static readonly TimeSpan FirstGap = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestGap = TimeSpan.FromHours(4);

    /// <summary>
    /// 5 to 10 seconds after the first attempt, then about twice as long each time, and 4 to 8 hours at most: some 15 attempts in a day. The
    /// chance spreads what failed together; each gap is drawn above the one before, so that a server in trouble is asked less and less.
    /// </summary>
    /// <param name="attempts">Those that were made.</param>
    /// <param name="chance">From 0 up to 1.</param>
    /// <param name="retryAfter">How long the other side asks to be left alone; believed up to the longest gap.</param>
    /// <returns>Null when that would be too late to be of use.</returns>
    public static DateTimeOffset? Next(int attempts, DateTimeOffset decidedAt, DateTimeOffset now, double chance, TimeSpan? retryAfter = null)
    {
        var least = FirstGap * Math.Pow(2, Math.Min(attempts - 1, 20));
        var gap = (least < LongestGap ? least : LongestGap) * (1 + chance);
        var asked = retryAfter is { } time && time < LongestGap ? time : retryAfter is null ? TimeSpan.Zero : LongestGap;
        var next = now + (gap > asked ? gap : asked);
        return next <= decidedAt + NotificationQueue.Lifetime ? next : null;
    }
}
