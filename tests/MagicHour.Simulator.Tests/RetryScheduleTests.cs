using Platform.Simulator.MagicHour;

namespace Platform.Simulator.Tests;

/// <summary>When the sender tries again.</summary>
public sealed class RetryScheduleTests
{
    private static readonly TimeSpan ShortestGap = TimeSpan.FromMilliseconds(100);

    [Fact]
    public void The_gaps_double_from_one_second_on_until_24_hours_are_over()
    {
        var gaps = GapsOf(new RetrySchedule(timeCompression: 1, ShortestGap)).ToArray();

        Assert.Equal([.. Enumerable.Range(0, 16).Select(power => Math.Pow(2, power))], gaps.Select(gap => gap.TotalSeconds));
        // The last attempt begins after 18.2 hours; the next would be after 36.
        Assert.Equal(65_535, gaps.Sum(gap => gap.TotalSeconds));
    }

    [Fact]
    public void Gaps_and_window_are_compressed_alike()
    {
        var gaps = GapsOf(new RetrySchedule(timeCompression: 3, ShortestGap)).ToArray();

        Assert.Equal(16, gaps.Length);
        Assert.Equal(TimeSpan.FromSeconds(1.0 / 3), gaps[0]);
        Assert.Equal(TimeSpan.FromSeconds(32_768.0 / 3), gaps[^1]);
    }

    [Fact]
    public void However_much_is_compressed_there_is_a_shortest_gap() =>
        Assert.Equal(ShortestGap, new RetrySchedule(timeCompression: 1000, ShortestGap).NextGap(1, TimeSpan.Zero));

    [Fact]
    public void Slow_answers_use_up_the_window_too()
    {
        var schedule = new RetrySchedule(timeCompression: 60, ShortestGap);

        Assert.NotNull(schedule.NextGap(1, TimeSpan.FromMinutes(23)));
        Assert.Null(schedule.NextGap(1, TimeSpan.FromMinutes(24)));
    }

    /// <summary>Until the sender gives up, when every attempt is answered at once.</summary>
    private static IEnumerable<TimeSpan> GapsOf(RetrySchedule schedule)
    {
        var elapsed = TimeSpan.Zero;
        for (var attempts = 1; schedule.NextGap(attempts, elapsed) is { } gap; attempts++)
        {
            yield return gap;
            elapsed += gap;
        }
    }
}
