namespace Platform.Benchmarks.Figures;

/// <summary>A figure with what was measured of it.</summary>
/// <param name="Limit">What it is held against; null when it stands alone, or when that was not measured.</param>
/// <param name="Ratio">To the limit, taken in each round.</param>
/// <param name="IsReached">Null when there is no target, or nothing to judge by.</param>
internal sealed record FigureLine(Figure Figure, Spread Value, Spread? Limit, Spread? Ratio, bool? IsReached)
{
    /// <summary>Of everything that was to be measured.</summary>
    public static IReadOnlyList<FigureLine> Of(Rounds rounds) =>
        [.. FigureList.All.Where(figure => rounds.Of(figure.Key) is not null).Select(figure => Of(figure, rounds))];

    private static FigureLine Of(Figure figure, Rounds rounds)
    {
        var value = rounds.Of(figure.Key)!.Value;
        var limit = figure.Limit is null ? null : rounds.Of(figure.Limit.Key);
        var ratio = figure.Limit is null ? null : rounds.Ratio(figure.Key, figure.Limit.Key);
        var judged = figure.Limit is null ? value : ratio;
        return new FigureLine(figure, value, limit, ratio, judged is { IsMeasured: true } known ? figure.Target?.IsReachedBy(known.Median) : null);
    }
}
