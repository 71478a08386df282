
namespace Platform.Faults.Tests;

public sealed class FaultReportTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_run_replaces_what_it_has_run_and_leaves_the_rest()
    {
        string[] order = ["P01", "B01"];
        var first = FaultReport.Merge("", [Line("B01", "RabbitMQ 4", "old"), Line("B01", "RabbitMQ 3", "kept"), Line("P99", "RabbitMQ 4", "gone")], order);

        var second = FaultReport.Merge(first, [Line("B01", "RabbitMQ 4", "new | and\nmore"), Line("P01", "RabbitMQ 4", "added")], order);

        var lines = second.Split('\n').SkipWhile(line => !line.StartsWith("| ---", StringComparison.Ordinal)).Skip(1).Where(line => line.Length > 0);
        Assert.Equal(
            ["P01 | RabbitMQ 4 | added", "B01 | RabbitMQ 3 | kept", "B01 | RabbitMQ 4 | new / and more"],
            lines.Select(line => line.TrimStart('|', ' ').Split(" | ")).Select(cells => $"{cells[0]} | {cells[1]} | {cells[6]}"));
    }

    private static string Line(string id, string broker, string seen) => FaultReport.Line(
        new FaultResult(new Fault(id, "something", "nothing", _ => Task.FromResult("")), FaultVerdict.Passed, seen, TimeSpan.FromSeconds(1)), broker, isFull: false, seed: 7, Now);
}
