using System.Globalization;

namespace Platform.Benchmarks.Figures;

/// <summary>The figures as text: median and spread, the limit beside each, the ratio, and what was to be reached.</summary>
internal static class FigureTable
{
    private static readonly string[] Titles =
        ["", "figure", "median (min–max)", "limit", "median (min–max)", "ratio (min–max)", "target", ""];

    /// <summary>Aligned, for a terminal.</summary>
    public static string ToText(IReadOnlyList<FigureLine> lines)
    {
        var rows = lines.Select(Cells).Prepend(Titles).ToArray();
        var widths = Titles.Select((_, column) => rows.Max(row => row[column].Length)).ToArray();
        return string.Join('\n', rows.Select(row => string.Join("  ", row.Zip(widths, (cell, width) => cell.PadRight(width))).TrimEnd()));
    }

    public static string ToMarkdown(IReadOnlyList<FigureLine> lines)
    {
        string[][] head = [Titles, [.. Titles.Select(_ => "---")]];
        return string.Join('\n', head.Concat(lines.Select(Cells)).Select(row => $"| {string.Join(" | ", row)} |"));
    }

    private static string[] Cells(FigureLine line) =>
    [
        line.Figure.Part,
        line.Figure.What,
        Text(line.Value, line.Figure.Unit),
        line.Figure.Limit?.What ?? "",
        line.Figure.Limit is null ? "" : line.Limit is { } limit ? Text(limit, line.Figure.Unit) : "not measured",
        line.Ratio is { } ratio ? Text(ratio, "") : "",
        line.Figure.Target is { } target ? $"{(target.IsLowerBound ? "≥" : "≤")} {Number(target.Bound)}" : "",
        line.IsReached switch { true => "reached", false => "missed", null => "" },
    ];

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

    // Three digits that say something.
    private static string Number(double number) => Math.Abs(number) switch
    {
        0 => "0",
        >= 100 => number.ToString("#,0", CultureInfo.InvariantCulture),
        >= 10 => number.ToString("0.0", CultureInfo.InvariantCulture),
        >= 1 => number.ToString("0.00", CultureInfo.InvariantCulture),
        _ => number.ToString("0.000", CultureInfo.InvariantCulture),
    };
}
