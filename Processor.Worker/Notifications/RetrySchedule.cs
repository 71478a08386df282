namespace Processor.Worker.Notifications;

/// <summary>When a notification that failed is tried again.</summary>
internal static class RetrySchedule
{
    private static readonly TimeSpan FirstGap = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestGap = TimeSpan.FromHours(4);

    /// <summary>
    /// 5 to 10 seconds after the first attempt, then about twice as long each time, up to 4 to 8 hours: some 15 attempts in a day. The
    /// random part spreads out notifications that failed together. Each gap is longer than the one before, so that load on a failing server
    /// keeps falling.
    /// </summary>
    /// <param name="attempts">Attempts made so far.</param>
    /// <param name="chance">A random number from 0 (inclusive) to 1 (exclusive).</param>
    /// <param name="retryAfter">The delay the receiver asks for; respected up to the longest gap.</param>
    /// <returns>Null when the next attempt would come too late to be useful.</returns>
    public static DateTimeOffset? Next(int attempts, DateTimeOffset decidedAt, DateTimeOffset now, double chance, TimeSpan? retryAfter = null)
    {
        var least = FirstGap * Math.Pow(2, Math.Min(attempts - 1, 20));
        var gap = (least < LongestGap ? least : LongestGap) * (1 + chance);
        var asked = retryAfter is { } time && time < LongestGap ? time : retryAfter is null ? TimeSpan.Zero : LongestGap;
        var next = now + (gap > asked ? gap : asked);
        return next <= decidedAt + NotificationQueue.Lifetime ? next : null;
    }
}
