using System.Globalization;

namespace Platform.Benchmarks.Figures;

/// <summary>The figures as text: median and spread, the limit, the ratio, and the target.</summary>
internal static class FigureTable
{
    private static readonly string[] Titles =
        ["", "figure", "median (min–max)", "limit", "median (min–max)", "ratio (min–max)", "target", ""];

    private static readonly string[] SummaryTitles = ["figure", "platform", "limit", "ratio", "target", ""];

    /// <summary>Aligned, for a terminal.</summary>
    public static string ToText(IReadOnlyList<FigureLine> lines)
    {
        var rows = lines.Select(Cells).Prepend(Titles).ToArray();
        var widths = Titles.Select((_, column) => rows.Max(row => row[column].Length)).ToArray();
        return string.Join('\n', rows.Select(row => string.Join("  ", row.Zip(widths, (cell, width) => cell.PadRight(width))).TrimEnd()));
    }

    public static string ToMarkdown(IReadOnlyList<FigureLine> lines) => ToMarkdown(Titles, lines.Select(Cells));

    /// <summary>The main figures, by their medians.</summary>
    public static string ToSummary(IReadOnlyList<FigureLine> lines) =>
        ToMarkdown(SummaryTitles, lines.Where(line => line.Figure.IsMain).Select(SummaryCells));

    private static string ToMarkdown(string[] titles, IEnumerable<string[]> rows)
    {
        string[][] head = [titles, [.. titles.Select(_ => "---")]];
        return string.Join('\n', head.Concat(rows).Select(row => $"| {string.Join(" | ", row)} |"));
    }

    private static string[] Cells(FigureLine line) =>
    [
        line.Figure.Part,
        line.Figure.What,
        Text(line.Value, line.Figure.Unit),
        line.Figure.Limit?.What ?? "",
        line.Figure.Limit is null ? "" : line.Limit is { } limit ? Text(limit, line.Figure.Unit) : "not measured",
        line.Ratio is { } ratio ? Text(ratio, "") : "",
        Bound(line),
        Result(line),
    ];

    private static string[] SummaryCells(FigureLine line) =>
    [
        line.Figure.What,
        Median(line.Value, line.Figure.Unit),
        line.Figure.Limit is { } limit ? $"{(line.Limit is { } value ? Median(value, line.Figure.Unit) : "not measured")} ({limit.What})" : "",
        line.Ratio is { } ratio ? Median(ratio, "") : "",
        Bound(line),
        Result(line),
    ];

    private static string Bound(FigureLine line) => line.Figure.Target is { } target ? $"{(target.IsLowerBound ? "≥" : "≤")} {Number(target.Bound)}" : "";

    private static string Result(FigureLine line) => line.IsReached switch { true => "reached", false => "missed", null => "" };

    private static string Median(Spread spread, string unit) => Text(spread with { Min = spread.Median, Max = spread.Median }, unit);

    private static string Text(Spread spread, string unit)
    {
        if (!spread.IsMeasured)
        {
            return "not measured";
        }

        var space = unit.Length == 0 || unit[0] == '/' ? "" : " ";
        var range = spread.Min == spread.Max ? "" : $" ({Number(spread.Min)}–{Number(spread.Max)})";
        return $"{Number(spread.Median)}{space}{unit}{range}";
    }

    // At least three significant digits.
    private static string Number(double number) => Math.Abs(number) switch
    {
        0 => "0",
        >= 100 => number.ToString("#,0", CultureInfo.InvariantCulture),
        >= 10 => number.ToString("0.0", CultureInfo.InvariantCulture),
        >= 1 => number.ToString("0.00", CultureInfo.InvariantCulture),
        _ => number.ToString("0.000", CultureInfo.InvariantCulture),
    };
}
