namespace Platform.Benchmarks.Figures;

/// <summary>A figure with its measured values.</summary>
/// <param name="Build">The build of the programs that it was measured with.</param>
/// <param name="Limit">The measured limit; null without a limit or when it was not measured.</param>
/// <param name="Ratio">The ratio to the limit, computed in each round; null when they are of different runs.</param>
/// <param name="IsReached">Null without a target or without a measured value.</param>
internal sealed record FigureLine(Figure Figure, string Build, Spread Value, Spread? Limit, Spread? Ratio, bool? IsReached)
{
    /// <summary>The lines of all figures that have values.</summary>
    public static IReadOnlyList<FigureLine> FromRounds(Rounds rounds, IReadOnlyDictionary<string, PartRun> parts) =>
        [.. FigureList.All.Where(figure => rounds.Of(figure.Key) is not null).Select(figure => Create(figure, rounds, parts))];

    private static FigureLine Create(Figure figure, Rounds rounds, IReadOnlyDictionary<string, PartRun> parts)
    {
        var value = rounds.Of(figure.Key)!.Value;
        var run = parts[rounds.KeyParts[figure.Key]];
        var limit = figure.Limit is null ? null : rounds.Of(figure.Limit.Key);
        var isComparable = limit is not null && parts[rounds.KeyParts[figure.Limit!.Key]] == run;
        var ratio = isComparable ? rounds.Ratio(figure.Key, figure.Limit!.Key) : null;
        var judged = figure.Limit is null ? value : ratio;
        return new FigureLine(
            figure, run.Build, value, limit, ratio, judged is { IsMeasured: true } known ? figure.Target?.IsReachedBy(known.Median) : null);
    }
}
