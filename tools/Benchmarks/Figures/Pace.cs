namespace Platform.Benchmarks.Figures;

/// <summary>Computes how many messages a drain needs on this machine to last long enough for a figure.</summary>
/// <param name="PerSecond">Messages per second that a contestant drained soon after its start, before the measurements.</param>
internal sealed record Pace(double PerSecond)
{
    // A complete block of samples, in which every start has its end.
    private const int Block = 1_000;

    // A worker fast enough to reach this bound handles it in about half a minute.
    private const int Most = 1_000_000;

    // A warm contestant is faster than its pace.
    private const double MostFaster = 1.5;

    /// <summary>The same number in every round, so that rounds are comparable.</summary>
    public DrainCount CountFor(DrainSize size) => new(MessagesIn(size.WarmUp), Math.Max(size.Least, MessagesIn(size.Window * MostFaster)));

    private int MessagesIn(TimeSpan duration) => (int)Math.Min(Math.Ceiling(PerSecond * duration.TotalSeconds / Block) * Block, Most);
}

/// <summary>The minimum size of a drain.</summary>
/// <param name="Least">Minimum number of measured messages, even if they are drained in less than the window; whole thousands.</param>
/// <param name="Window">Minimum duration of the measured part, on a machine that drains more than the minimum number in it.</param>
/// <param name="WarmUp">Duration of the drain before the measured part, at the pace of a contestant that has just started.</param>
internal readonly record struct DrainSize(int Least, TimeSpan Window, TimeSpan WarmUp);

/// <summary>The messages of a drain: the first ones warm up and are not measured.</summary>
internal readonly record struct DrainCount(int WarmUp, int Measured)
{
    public int Total => WarmUp + Measured;

    public double WarmUpShare => (double)WarmUp / Total;
}
