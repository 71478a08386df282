using Platform.Benchmarks.Figures;
using Platform.DevStack;

namespace Platform.Benchmarks.Tests;

public sealed class ReportTests : IDisposable
{
    private const string Statements = "drain.ours.statements";
    private const string Lost = "guide.ours.lost";

    private static readonly BenchMachine Here = new()
    {
        Cores = 2,
        Cpu = "a CPU",
        MemoryMiB = 1024,
        Kernel = "6",
        DotNet = "10",
        RabbitMq = "3.10",
        PostgreSql = "15",
    };

    private readonly string _file = Path.GetTempFileName();

    [Fact]
    public async Task A_report_of_some_parts_keeps_the_others_with_their_builds()
    {
        await SaveAsync(Report("old", ("b", Statements, 0.1), ("d", Lost, double.NaN)));
        var earlier = await SavedReport.LoadAsync(_file, TestContext.Current.CancellationToken);

        var report = Report("new", ("b", Statements, 0.05)).Include(earlier);

        Assert.Equal(["d", "b"], report.Parts.Keys);
        Assert.Equal([(Statements, "new", 0.05), (Lost, "old", double.NaN)], Lines(report));
        Assert.Contains("d: 1970-01-01, 1 round, build old; b: 1970-01-01, 1 round, build new; 2 cores", report.ToText(), StringComparison.Ordinal);
        // What was included is there for the next report.
        await SaveAsync(report);
        Assert.Equal(report.Parts, (await SavedReport.LoadAsync(_file, TestContext.Current.CancellationToken)).Parts);
    }

    [Fact]
    public void Values_of_different_runs_have_no_ratio()
    {
        const string Ours = "guide.ours.p99";
        const string Guide = "guide.guide.p99";
        var together = Report("abc", ("d", Ours, 1), ("d", Guide, 2));
        var apart = together with { Parts = new Dictionary<string, PartRun>(together.Parts) { ["a"] = together.Parts["d"] with { Build = "old" } } };
        apart.Rounds.Begin(1, "a").Add(Guide, 2);

        Assert.Null(Assert.Single(FigureLine.FromRounds(apart.Rounds, apart.Parts), line => line.Figure.Key == Ours).Ratio);
        apart.Rounds.Begin(1, "d").Add(Guide, 2);
        Assert.Equal(0.5, Assert.Single(FigureLine.FromRounds(apart.Rounds, apart.Parts), line => line.Figure.Key == Ours).Ratio?.Median);
    }

    [Theory]
    [InlineData("these were not measured: c, e", "b", "c", "d", "e")]
    [InlineData("another machine", "b", "d")]
    public async Task Pages_with_missing_or_foreign_figures_are_refused_before_anything_is_measured(string reason, params string[] others)
    {
        await SaveAsync(Report("old", ("b", Statements, 0.1), ("d", Lost, 0)));
        var earlier = await SavedReport.LoadAsync(_file, TestContext.Current.CancellationToken);

        var refusal = Assert.Throws<SetupException>(() => earlier.ThrowIfUnusable(Here with { Cores = 64 }, others));

        Assert.Contains(reason, refusal.Message, StringComparison.Ordinal);
        earlier.ThrowIfUnusable(Here, ["b", "d"]);
    }

    [Fact]
    public async Task A_file_of_something_else_is_refused()
    {
        await File.WriteAllTextAsync(_file, "no JSON", TestContext.Current.CancellationToken);

        await Assert.ThrowsAsync<SetupException>(() => SavedReport.LoadAsync(_file, TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<SetupException>(() => SavedReport.LoadAsync(_file + ".missing", TestContext.Current.CancellationToken));
    }

    public void Dispose() => File.Delete(_file);

    private Task SaveAsync(BenchReport report) => File.WriteAllTextAsync(_file, report.ToJson(), TestContext.Current.CancellationToken);

    private static BenchReport Report(string build, params (string Part, string Key, double Value)[] values)
    {
        var rounds = new Rounds();
        foreach (var (part, key, value) in values)
        {
            rounds.Begin(1, part).Add(key, value);
        }

        var run = new PartRun(DateTimeOffset.UnixEpoch, RoundCount: 1, IsQuick: false, build);
        return new BenchReport(Here, values.Select(value => value.Part).Distinct().ToDictionary(part => part, _ => run), rounds, []);
    }

    private static IEnumerable<(string Key, string Build, double Value)> Lines(BenchReport report) =>
        FigureLine.FromRounds(report.Rounds, report.Parts).Select(line => (line.Figure.Key, line.Build, line.Value.Median));
}
