namespace Processor.Worker.Notifications;

/// <summary>Limits how many notifications start per second on average; unused capacity of the last seconds may be used at once.</summary>
/// <param name="perSecond">The average.</param>
internal sealed class SendingPace(int perSecond, TimeProvider time)
{
    // Allows a burst: a few hundred targets that never answer must not hold back the notifications behind them by one slot each.
    private const int SecondsAtOnce = 3;

    private double _available = perSecond * SecondsAtOnce;
    private long _since = time.GetTimestamp();

    /// <summary>The number that may start now.</summary>
    public int Available
    {
        get
        {
            Refill();
            return (int)_available;
        }
    }

    /// <summary>Uses up part of <see cref="Available"/>.</summary>
    public void Take(int count) => _available -= count;

    /// <summary>The time until this many may start.</summary>
    public TimeSpan TimeUntil(int count)
    {
        Refill();
        // Rounded up to a millisecond, the resolution of timers: one that fires early would find too few.
        return TimeSpan.FromMilliseconds(Math.Ceiling(Math.Max(count - _available, 0) * 1000 / perSecond));
    }

    private void Refill()
    {
        _available = Math.Min(_available + time.GetElapsedTime(_since).TotalSeconds * perSecond, perSecond * SecondsAtOnce);
        _since = time.GetTimestamp();
    }
}
