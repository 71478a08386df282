using System.Globalization;

namespace Platform.Benchmarks.Figures;

/// <summary>The figures as text: median and spread, the limit beside each, the ratio, and what was to be reached.</summary>
internal static class FigureTable
{
    private static readonly string[] Titles = ["", "figure", "median (min–max)", "limit", "median (min–max)", "ratio (min–max)", "target", ""];

    /// <summary>Aligned, for a terminal.</summary>
    public static string ToText(Rounds rounds)
    {
        var lines = Lines(rounds).Prepend(Titles).ToArray();
        var widths = Titles.Select((_, column) => lines.Max(line => line[column].Length)).ToArray();
        return string.Join('\n', lines.Select(line => string.Join("  ", line.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd()));
    }

    /// <summary>As Markdown.</summary>
    public static string ToMarkdown(Rounds rounds) => string.Join('\n',
        Lines(rounds).Prepend([.. Titles.Select(_ => "---")]).Prepend(Titles).Select(line => $"| {string.Join(" | ", line)} |"));

    private static IEnumerable<string[]> Lines(Rounds rounds) => FigureList.All
        .Where(figure => rounds.Of(figure.Key) is not null)
        .Select(figure => Line(figure, rounds));

    private static string[] Line(Figure figure, Rounds rounds)
    {
        var value = rounds.Of(figure.Key)!.Value;
        var limit = figure.Limit is null ? null : rounds.Of(figure.Limit.Key);
        var ratio = figure.Limit is null ? null : rounds.Ratio(figure.Key, figure.Limit.Key);
        return
        [
            figure.Part,
            figure.What,
            Text(value, figure.Unit),
            figure.Limit?.What ?? "",
            figure.Limit is null ? "" : limit is { } known ? Text(known, figure.Unit) : "not measured",
            ratio is { } measured ? Text(measured, "") : "",
            figure.Target is { } target ? $"{(target.IsLowerBound ? "≥" : "≤")} {Number(target.Bound)}" : "",
            figure.Target is null || figure.Limit is not null && ratio is null
                ? ""
                : figure.Target.IsReachedBy((ratio ?? value).Median) ? "reached" : "missed",
        ];
    }

    private static string Text(Spread spread, string unit) =>
        $"{Number(spread.Median)}{(unit.Length == 0 || unit[0] == '/' ? "" : " ")}{unit}"
        + (spread.Min == spread.Max ? "" : $" ({Number(spread.Min)}–{Number(spread.Max)})");

    // Three digits that say something.
    private static string Number(double number) => Math.Abs(number) switch
    {
        0 => "0",
        >= 100 => number.ToString("#,0", CultureInfo.InvariantCulture),
        >= 10 => number.ToString("0.0", CultureInfo.InvariantCulture),
        >= 0.1 => number.ToString("0.00", CultureInfo.InvariantCulture),
        _ => number.ToString("0.000", CultureInfo.InvariantCulture),
    };
}
