using Platform.Benchmarks.Figures;

namespace Platform.Benchmarks.Tests;

public sealed class FiguresTests
{
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
            rounds.Begin(number).Add("ours", ours);
            rounds.Begin(number).Add("limit", limit);
        }

        Assert.Equal(new Spread(0.75, 0.5, 0.9), rounds.Ratio("ours", "limit"));
        Assert.Equal(new Spread(30, 10, 90), rounds.Of("ours"));
    }

    [Fact]
    public void The_first_part_of_a_drain_is_not_measured()
    {
        Step[] steps = [new(Start, 10), new(Start.AddSeconds(9), 20), new(Start.AddSeconds(10), 40), new(Start.AddSeconds(11), 30)];

        var steady = SteadyRate.Of(steps.Reverse());

        Assert.Equal(70, steady.Count);
        Assert.Equal(35, steady.PerSecond);
    }

    [Fact]
    public void What_was_not_measured_is_neither_reached_nor_missed()
    {
        var rounds = new Rounds();
        rounds.Begin(1).Add("drain.ours.statements", double.NaN);
        rounds.Begin(1).Add("drain.ours.commits", 26);

        var lines = FigureLine.Of(rounds);

        Assert.Equal([false, null], lines.Select(line => line.IsReached));
        Assert.Contains("not measured", FigureTable.ToText(lines), StringComparison.Ordinal);
    }

    [Fact]
    public void A_target_is_compared_with_the_ratio_where_there_is_a_limit()
    {
        var rounds = new Rounds();
        rounds.Begin(1).Add("drain.ours.rate", 5000);
        rounds.Begin(1).Add("drain.noop.rate", 10_000);

        var line = FigureLine.Of(rounds)[0];

        Assert.Equal(0.5, line.Ratio?.Median);
        Assert.False(line.IsReached);
    }

    [Fact]
    public void The_short_table_has_the_medians_of_the_main_figures()
    {
        var rounds = new Rounds();
        foreach (var (number, drained) in new[] { (1, 4000.0), (2, 5000.0), (3, 5500.0) })
        {
            rounds.Begin(number).Add("drain.ours.rate", drained);
            rounds.Begin(number).Add("drain.noop.rate", 10_000);
        }

        rounds.Begin(1).Add("drain.ours.commits", 5);

        var table = FigureTable.ToSummary(FigureLine.Of(rounds));

        Assert.Contains("| drain into the tables | 5,000/s | 10,000/s (no-op MassTransit consumer) | 0.500 | ≥ 0.700 | missed |", table, StringComparison.Ordinal);
        Assert.DoesNotContain("commits", table, StringComparison.Ordinal);
    }
}
