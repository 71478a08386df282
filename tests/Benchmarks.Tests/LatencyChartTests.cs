using System.Globalization;
using System.Xml.Linq;
using Platform.Benchmarks.Figures;
using Platform.Benchmarks.Parts;

namespace Platform.Benchmarks.Tests;

public sealed class LatencyChartTests
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    private readonly Rounds _rounds = new();

    [Fact]
    public void Every_contestant_has_a_line_in_both_panels()
    {
        foreach (var contestant in new[] { LatencyPart.Ours, LatencyPart.WolverineBatch, LatencyPart.WolverineInbox, LatencyPart.Guide })
        {
            Add(contestant, 2, 4, 8, 1600);
        }

        var chart = Draw();

        var lines = chart.Descendants(Svg + "polyline").Select(Points).ToArray();
        Assert.Equal(8, lines.Length);
        Assert.All(lines, line => Assert.Equal(4, line.Length));
        // A longer time is higher, and time by time the same factor is the same distance.
        Assert.All(lines, line => Assert.Equal(line[0].Y - line[1].Y, line[1].Y - line[2].Y, tolerance: 0.11));
        Assert.All(lines, line => Assert.True(line[2].Y > line[3].Y));
        Assert.Contains("10 s", chart.Descendants(Svg + "text").Select(text => text.Value));
    }

    [Fact]
    public void What_was_not_measured_has_no_point()
    {
        Add(LatencyPart.Ours, 2, double.NaN, 8);

        var lines = Draw().Descendants(Svg + "polyline").Select(Points).ToArray();

        Assert.Equal([2, 0, 0, 0, 2, 0, 0, 0], lines.Select(line => line.Length));
    }

    [Fact]
    public void The_chart_says_where_it_was_measured_and_follows_the_theme_of_the_reader()
    {
        var chart = Draw();

        Assert.Contains("2 cores <of> & build abc", chart.Descendants(Svg + "text").Select(text => text.Value));
        Assert.Contains("prefers-color-scheme: dark", chart.Element(Svg + "style")!.Value, StringComparison.Ordinal);
        Assert.NotEmpty(chart.Element(Svg + "title")!.Value);
    }

    private void Add(string contestant, params double[] milliseconds)
    {
        foreach (var (rate, value) in LatencyPart.Rates.Zip(milliseconds))
        {
            _rounds.Begin(1, "c").Add(LatencyPart.Key(contestant, rate, "p50"), value);
            _rounds.Begin(1, "c").Add(LatencyPart.Key(contestant, rate, "p99"), value);
        }
    }

    private XElement Draw() => XElement.Parse(LatencyChart.Draw(_rounds, "2 cores <of> & build abc"));

    private static (double X, double Y)[] Points(XElement line) =>
    [
        .. line.Attribute("points")!.Value.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(point => point.Split(','))
            .Select(point => (double.Parse(point[0], CultureInfo.InvariantCulture), double.Parse(point[1], CultureInfo.InvariantCulture))),
    ];
}
