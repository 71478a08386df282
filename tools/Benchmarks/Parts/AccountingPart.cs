using Platform.Benchmarks.Figures;
using Platform.Benchmarks.Stage;

namespace Platform.Benchmarks.Parts;

/// <summary>The cost of accounting: the drain of messages with and without the numbers that an ingress gives them.</summary>
internal sealed class AccountingPart(Scale scale) : IPart
{
    // The order alternates: servers are slower just after their start.
    private static readonly (string Name, bool IsNumbered)[] Drains = [("off", false), ("on", true)];

    public string Id => "j";

    public string Name => "accounting";

    public async Task RunAsync(Rig rig, Round round, CancellationToken cancellationToken)
    {
        var count = await Backlog.SizeAsync(rig, Drainer.Ours, scale.CostDrained, cancellationToken);
        foreach (var (name, isNumbered) in round.Number % 2 == 0 ? Drains : Drains.Reverse())
        {
            var backlog = await Backlog.CreateAsync(rig, $"accounting {name}", count, cancellationToken, isNumbered: isNumbered);
            await using var hold = await rig.Tables.HoldOutboxAsync(cancellationToken);
            await using var worker = await Rig.StartAsync(rig.Launcher.Worker(), cancellationToken);
            round.Add($"accounting.{name}.rate", (await backlog.MeasureStoredAsync(cancellationToken)).Steady.PerSecond);
            var numbered = await rig.Tables.CountAsync("received_numbers", cancellationToken);
            if (numbered > 0 != isNumbered)
            {
                throw new InvalidOperationException($"Accounting {name}: {numbered} rows of received numbers.");
            }
        }
    }
}
