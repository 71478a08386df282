using Platform.Benchmarks.Figures;

namespace Platform.Benchmarks.Tests;

public sealed class FiguresTests
{
    private static readonly Dictionary<string, PartRun> Parts = new() { ["b"] = new(DateTimeOffset.UnixEpoch, RoundCount: 1, IsQuick: false, "abc") };
    private static readonly DateTime Start = new(2026, 11, 23, 10, 0, 0, DateTimeKind.Utc);

    [Fact]
    public void A_percentile_is_the_sample_of_the_nearest_rank()
    {
        var percentiles = new Percentiles(Enumerable.Range(1, 1000).Reverse().Select(number => (double)number));

        Assert.Equal(500, percentiles.P50);
        Assert.Equal(990, percentiles.P99);
        Assert.Equal(999, percentiles.P999);
    }

    [Fact]
    public void A_ratio_is_taken_within_each_round_before_its_median()
    {
        var rounds = new Rounds();
        foreach (var (number, ours, limit) in new[] { (1, 10.0, 20.0), (2, 90.0, 100.0), (3, 30.0, 40.0) })
        {
            rounds.Begin(number, "b").Add("ours", ours);
            rounds.Begin(number, "b").Add("limit", limit);
        }

        Assert.Equal(new Spread(0.75, 0.5, 0.9), rounds.Ratio("ours", "limit"));
        Assert.Equal(new Spread(30, 10, 90), rounds.Of("ours"));
    }

    [Fact]
    public void The_first_part_of_a_drain_is_not_measured()
    {
        Step[] steps = [new(Start, 10), new(Start.AddSeconds(9), 20), new(Start.AddSeconds(10), 40), new(Start.AddSeconds(11), 30)];

        var steady = SteadyRate.FromSteps(steps.Reverse(), warmUpShare: 0.3);

        Assert.Equal(70, steady.Count);
        Assert.Equal(35, steady.PerSecond);
    }

    [Fact]
    public void A_drain_that_ends_with_its_warm_up_has_no_rate()
    {
        Step[] steps = [new(Start, 10), new(Start.AddSeconds(1), 90)];

        Assert.Throws<InvalidOperationException>(() => SteadyRate.FromSteps(steps, warmUpShare: 0.5));
        Assert.Throws<InvalidOperationException>(() => SteadyRate.FromSteps([], warmUpShare: 0));
    }

    [Theory]
    [InlineData(25, 20.0 / 9)]
    [InlineData(1, 20.0 / 9)]
    [InlineData(1_000, 90.0 / 11)]
    public void A_process_that_has_just_started_has_the_rate_of_its_first_items(long first, double perSecond)
    {
        Step[] steps = [new(Start, 10), new(Start.AddSeconds(9), 20), new(Start.AddSeconds(10), 40), new(Start.AddSeconds(11), 30)];

        Assert.Equal(perSecond, SteadyRate.OfFirst(steps.Reverse(), first), tolerance: 1e-9);
        Assert.Equal(double.NaN, SteadyRate.OfFirst(steps[..1], first));
    }

    [Fact]
    public void What_was_not_measured_is_neither_reached_nor_missed()
    {
        var rounds = new Rounds();
        rounds.Begin(1, "b").Add("drain.ours.statements", double.NaN);
        rounds.Begin(1, "b").Add("drain.ours.commits", 26);

        var lines = FigureLine.FromRounds(rounds, Parts);

        Assert.Equal([false, null], lines.Select(line => line.IsReached));
        Assert.Contains("not measured", FigureTable.ToText(lines), StringComparison.Ordinal);
    }

    [Fact]
    public void A_target_is_compared_with_the_ratio_where_there_is_a_limit()
    {
        var rounds = new Rounds();
        rounds.Begin(1, "b").Add("drain.ours.rate", 5000);
        rounds.Begin(1, "b").Add("drain.wolverine-batch.rate", 10_000);

        var line = FigureLine.FromRounds(rounds, Parts)[0];

        Assert.Equal(0.5, line.Ratio?.Median);
        Assert.False(line.IsReached);
    }

    [Fact]
    public void The_short_table_has_the_medians_of_the_main_figures()
    {
        var rounds = new Rounds();
        foreach (var (number, drained) in new[] { (1, 4000.0), (2, 5000.0), (3, 5500.0) })
        {
            rounds.Begin(number, "b").Add("drain.ours.rate", drained);
            rounds.Begin(number, "b").Add("drain.wolverine-batch.rate", 10_000);
        }

        rounds.Begin(1, "b").Add("drain.ours.commits", 5);

        var table = FigureTable.ToSummary(FigureLine.FromRounds(rounds, Parts));

        Assert.Contains("| drain into the tables, one warm worker | 5,000/s | 10,000/s (Wolverine's durable inbox, in batches) | 0.500 | ≥ 1.10 | missed |", table, StringComparison.Ordinal);
        Assert.DoesNotContain("commits", table, StringComparison.Ordinal);
    }
}
