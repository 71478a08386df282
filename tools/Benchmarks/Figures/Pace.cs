namespace Platform.Benchmarks.Figures;

/// <summary>Computes how many messages a drain needs on this machine to last long enough for a figure.</summary>
/// <param name="PerSecond">Messages per second that a worker drained before the measurements.</param>
internal sealed record Pace(double PerSecond)
{
    // A complete block of samples, in which every start has its end.
    private const int Block = 1_000;

    // A worker fast enough to reach this bound handles it in about half a minute.
    private const int Most = 1_000_000;

    /// <summary>The same number in every round, so that rounds are comparable.</summary>
    public int MessagesFor(DrainSize size) =>
        (int)Math.Clamp(Math.Ceiling(PerSecond * size.Window.TotalSeconds / Block) * Block, size.Least, Most);
}

/// <summary>The minimum size of a drain.</summary>
/// <param name="Least">Minimum number of messages, even if they are drained in less than the window; whole thousands.</param>
/// <param name="Window">Minimum duration, on a machine that drains more than the minimum number in it.</param>
internal readonly record struct DrainSize(int Least, TimeSpan Window);
