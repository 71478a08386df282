using System.Text.Json;
using Platform.Benchmarks.Figures;
using Platform.Benchmarks.Parts;
using Platform.Benchmarks.Stage;

namespace Platform.Benchmarks.Tests;

public sealed class BenchRunTests
{
    // Neither of these parts measures anything.
    private static readonly Rig NoRig = null!;

    private static readonly PartRun Abc = new(DateTimeOffset.UnixEpoch, RoundCount: 2, IsQuick: true, "abc");

    [Fact]
    public async Task A_part_that_fails_is_reported_by_name_and_takes_nothing_from_the_others()
    {
        var run = new BenchRun([new Measured("drain.ours.commits"), new Failing("drain.ours.statements"), new Measured("guide.ours.lost")], roundCount: 2);

        await run.RunAsync(NoRig, TestContext.Current.CancellationToken);

        Assert.Equal(
            ["part z (failing) failed in round 1: InvalidCastException: DBNull", "part z (failing) failed in round 2: InvalidCastException: DBNull"],
            run.Failures.Select(failure => failure.ToString()));
        Assert.All(
            ["drain.ours.commits", "drain.ours.statements", "guide.ours.lost"], key => Assert.Equal([1, 2], run.Rounds.All[key].Keys));
        var text = Report(run).ToText();
        Assert.Contains("commits per 1,000 events", text, StringComparison.Ordinal);
        Assert.EndsWith("part z (failing) failed in round 2: InvalidCastException: DBNull", text, StringComparison.Ordinal);
        Assert.Contains("\"name\": \"failing\"", Report(run).ToJson(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_interrupted_run_keeps_what_it_has()
    {
        using var interrupt = new CancellationTokenSource();
        var run = new BenchRun([new Measured("drain.ours.commits"), new Interrupted(interrupt), new Measured("guide.ours.lost")], roundCount: 2);

        await run.RunAsync(NoRig, interrupt.Token);

        Assert.Equal([1], run.Rounds.All["drain.ours.commits"].Keys);
        Assert.DoesNotContain("guide.ours.lost", run.Rounds.All.Keys);
        Assert.Equal("i", Assert.Single(run.Failures).Part);
    }

    [Theory]
    [InlineData(4_300, 9_000, 65_000)]
    [InlineData(400, 1_000, 60_000)]
    [InlineData(2_000, 4_000, 60_000)]
    [InlineData(1e9, 1_000_000, 1_000_000)]
    public void A_drain_has_as_many_messages_as_last_for_its_window_after_its_warm_up(double perSecond, int warmUp, int measured)
    {
        var size = new DrainSize(60_000, Window: TimeSpan.FromSeconds(10), WarmUp: TimeSpan.FromSeconds(2));

        Assert.Equal(new DrainCount(warmUp, measured), new Pace(perSecond).CountFor(size));
    }

    [Fact]
    public async Task Every_figure_names_its_build()
    {
        var run = new BenchRun([new Measured("drain.ours.commits"), new Measured("guide.ours.lost")], roundCount: 1);

        await run.RunAsync(NoRig, TestContext.Current.CancellationToken);

        using var report = JsonDocument.Parse(Report(run).ToJson());
        Assert.All(report.RootElement.GetProperty("figures").EnumerateArray(), figure => Assert.Equal("abc", figure.GetProperty("build").GetString()));
        Assert.Contains("build abc", Report(run).ToText(), StringComparison.Ordinal);
    }

    private static BenchReport Report(BenchRun run) => new(
        new BenchMachine
        {
            Cores = 2,
            Cpu = "a CPU",
            MemoryMiB = 1024,
            Kernel = "6",
            DotNet = "10",
            RabbitMq = "3.10",
            PostgreSql = "15",
        },
        new Dictionary<string, PartRun> { ["m"] = Abc, ["z"] = Abc },
        run.Rounds,
        run.Failures);

    private sealed class Measured(string key) : IPart
    {
        public string Id => "m";

        public string Name => "measured";

        public Task RunAsync(Rig rig, Round round, CancellationToken cancellationToken)
        {
            round.Add(key, round.Number);
            return Task.CompletedTask;
        }
    }

    private sealed class Failing(string key) : IPart
    {
        public string Id => "z";

        public string Name => "failing";

        public Task RunAsync(Rig rig, Round round, CancellationToken cancellationToken)
        {
            round.Add(key, 1);
            throw new InvalidCastException("DBNull");
        }
    }

    private sealed class Interrupted(CancellationTokenSource interrupt) : IPart
    {
        public string Id => "i";

        public string Name => "interrupted";

        public async Task RunAsync(Rig rig, Round round, CancellationToken cancellationToken)
        {
            await interrupt.CancelAsync();
            cancellationToken.ThrowIfCancellationRequested();
        }
    }
}
