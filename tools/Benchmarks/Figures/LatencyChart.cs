using System.Globalization;
using System.Net;
using Platform.Benchmarks.Parts;

namespace Platform.Benchmarks.Figures;

/// <summary>
/// The latencies over the arrival rate as an SVG: one panel for each percentile, a line for each contestant, both axes in steps of equal
/// ratio. Its colours follow the reader's light or dark theme, and each line has a marker of its own.
/// </summary>
internal static class LatencyChart
{
    private const int Width = 880;
    private const int Height = 400;
    private const int Top = 92;
    private const int PanelWidth = 350;
    private const int PanelHeight = 240;
    private const int Margin = 28;
    private const int LegendWidth = 205;

    // Milliseconds.
    private const double FirstDecade = 1;

    private static readonly int[] PanelLefts = [68, 508];

    private static readonly Series[] All =
    [
        new(LatencyPart.Ours, "this platform", "a", "M-5,-5h10v10h-10z"),
        new(LatencyPart.WolverineBatch, "Wolverine, in batches", "b", "M0,-6l6,11h-12z"),
        new(LatencyPart.WolverineInbox, "Wolverine, one by one", "c", "M0,-6l6,6l-6,6l-6,-6z"),
        new(LatencyPart.Guide, "the guide's handler", "d", "M-5,0a5,5 0 1,0 10,0a5,5 0 1,0 -10,0z"),
    ];

    private const string Style =
        """
        text { font: 13px system-ui, sans-serif; fill: #24292f }
        .title { font-size: 15px; font-weight: 600 }
        .note { font-size: 11px; fill: #57606a }
        .grid { stroke: #d0d7de; fill: none }
        polyline { fill: none; stroke-width: 2 }
        .a { stroke: #0550ae } path.a { fill: #0550ae }
        .b { stroke: #bc4c00 } path.b { fill: #bc4c00 }
        .c { stroke: #8250df } path.c { fill: #8250df }
        .d { stroke: #57606a } path.d { fill: #57606a }
        @media (prefers-color-scheme: dark) {
          text { fill: #e6edf3 }
          .note { fill: #9198a1 }
          .grid { stroke: #3d444d }
          .a { stroke: #58a6ff } path.a { fill: #58a6ff }
          .b { stroke: #f0883e } path.b { fill: #f0883e }
          .c { stroke: #bc8cff } path.c { fill: #bc8cff }
          .d { stroke: #9198a1 } path.d { fill: #9198a1 }
        }
        """;

    /// <param name="conditions">When and where the values were measured.</param>
    public static string Draw(Rounds rounds, string conditions)
    {
        var decades = CountDecades(rounds);
        string[] lines =
        [
            $"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Width} {Height}" role="img" aria-labelledby="title">""",
            """<title id="title">Time from the receipt of an event to its commit, over the arrival rate</title>""",
            $"<style>\n{Style}\n</style>",
            .. Legend(),
            .. Panel(rounds, PanelLefts[0], "p50", decades),
            .. Panel(rounds, PanelLefts[1], "p99", decades),
            Text(PanelLefts[0], Height - 10, "start", "note", conditions),
            "</svg>",
        ];
        return string.Join('\n', lines) + '\n';
    }

    private static int CountDecades(Rounds rounds)
    {
        var greatest = All.SelectMany(series => LatencyPart.Rates.Select(rate => Median(rounds, series, rate, "p99"))).Max() ?? FirstDecade;
        return Math.Max(1, (int)Math.Ceiling(Math.Log10(greatest / FirstDecade)));
    }

    private static IEnumerable<string> Legend() => All.SelectMany((series, i) => new[]
    {
        $"""<path class="{series.Class}" transform="translate({PanelLefts[0] + 8 + (i * LegendWidth)},22)" d="{series.Marker}"/>""",
        Text(PanelLefts[0] + 22 + (i * LegendWidth), 27, "start", "", series.What),
    });

    private static IEnumerable<string> Panel(Rounds rounds, int left, string percentile, int decades)
    {
        yield return Text(left, Top - 22, "start", "title", $"{percentile}, accept to commit");
        for (var decade = 0; decade <= decades; decade++)
        {
            var milliseconds = FirstDecade * Math.Pow(10, decade);
            var y = Y(milliseconds, decades);
            yield return string.Create(CultureInfo.InvariantCulture, $"""<path class="grid" d="M{left},{y:0.#}h{PanelWidth}"/>""");
            yield return Text(left - 8, y + 4, "end", "", milliseconds < 1000 ? $"{milliseconds:0} ms" : $"{milliseconds / 1000:0} s");
        }

        foreach (var rate in LatencyPart.Rates)
        {
            yield return Text(X(left, rate), Top + PanelHeight + 20, "middle", "", rate.ToString("#,0", CultureInfo.InvariantCulture));
        }

        yield return Text(left + PanelWidth, Top + PanelHeight + 38, "end", "note", "arrivals per second");
        foreach (var line in All.SelectMany(series => Line(rounds, series, left, percentile, decades)))
        {
            yield return line;
        }
    }

    private static IEnumerable<string> Line(Rounds rounds, Series series, int left, string percentile, int decades)
    {
        var points = LatencyPart.Rates
            .Select(rate => (X: X(left, rate), Milliseconds: Median(rounds, series, rate, percentile)))
            .Where(point => point.Milliseconds is not null)
            .Select(point => (point.X, Y: Y(point.Milliseconds!.Value, decades)))
            .ToArray();
        var corners = string.Join(' ', points.Select(point => string.Create(CultureInfo.InvariantCulture, $"{point.X:0.#},{point.Y:0.#}")));
        return points
            .Select(point => string.Create(
                CultureInfo.InvariantCulture, $"""<path class="{series.Class}" transform="translate({point.X:0.#},{point.Y:0.#})" d="{series.Marker}"/>"""))
            .Prepend($"""<polyline class="{series.Class}" points="{corners}"/>""");
    }

    private static double? Median(Rounds rounds, Series series, int rate, string percentile) =>
        rounds.Of(LatencyPart.Key(series.Name, rate, percentile)) is { IsMeasured: true } spread ? spread.Median : null;

    private static double X(int left, int rate)
    {
        var share = Math.Log((double)rate / LatencyPart.Rates[0]) / Math.Log((double)LatencyPart.Rates[^1] / LatencyPart.Rates[0]);
        return left + Margin + (share * (PanelWidth - (2 * Margin)));
    }

    private static double Y(double milliseconds, int decades) =>
        Top + (PanelHeight * (1 - Math.Clamp(Math.Log10(milliseconds / FirstDecade) / decades, 0, 1)));

    private static string Text(double x, double y, string anchor, string style, string text) => string.Create(
        CultureInfo.InvariantCulture,
        $"""<text x="{x:0.#}" y="{y:0.#}" text-anchor="{anchor}"{(style.Length > 0 ? $" class=\"{style}\"" : "")}>{WebUtility.HtmlEncode(text)}</text>""");

    /// <param name="Class">Its colours in the style.</param>
    /// <param name="Marker">The path of its marker, around the origin.</param>
    private sealed record Series(string Name, string What, string Class, string Marker);
}
