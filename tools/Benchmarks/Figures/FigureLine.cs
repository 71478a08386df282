namespace Platform.Benchmarks.Figures;

/// <summary>A figure with its measured values.</summary>
/// <param name="Limit">The measured limit; null without a limit or when it was not measured.</param>
/// <param name="Ratio">The ratio to the limit, computed in each round.</param>
/// <param name="IsReached">Null without a target or without a measured value.</param>
internal sealed record FigureLine(Figure Figure, Spread Value, Spread? Limit, Spread? Ratio, bool? IsReached)
{
    /// <summary>The lines of all figures that have values.</summary>
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
