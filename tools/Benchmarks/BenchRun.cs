using Platform.Benchmarks.Figures;
using Platform.Benchmarks.Measures;
using Platform.Benchmarks.Parts;
using Platform.Benchmarks.Stage;

namespace Platform.Benchmarks;

/// <summary>Runs the parts, round by round. A failed part does not affect the others.</summary>
internal sealed class BenchRun(IReadOnlyList<IPart> parts, int roundCount)
{
    private readonly List<PartFailure> _failures = [];

    public Rounds Rounds { get; } = new();

    public IReadOnlyList<PartFailure> Failures => _failures;

    public async Task RunAsync(Rig rig, CancellationToken cancellationToken)
    {
        for (var number = 1; number <= roundCount && !cancellationToken.IsCancellationRequested; number++)
        {
            Progress.Say($"round {number} of {roundCount}");
            foreach (var part in parts.TakeWhile(_ => !cancellationToken.IsCancellationRequested))
            {
                await RunAsync(part, rig, Rounds.Begin(number, part.Id), cancellationToken);
            }
        }
    }

    private async Task RunAsync(IPart part, Rig rig, Round round, CancellationToken cancellationToken)
    {
        var neighbours = new Neighbours();
        try
        {
            await part.RunAsync(rig, round, cancellationToken);
            round.Add($"neighbours.{part.Id}", neighbours.Cores);
        }
        catch (Exception exception)
        {
            var failure = new PartFailure(part.Id, part.Name, round.Number, exception);
            Progress.Say($"{failure}");
            _failures.Add(failure);
        }
    }
}

/// <summary>A part that failed in a round. Values measured before the failure count.</summary>
internal sealed record PartFailure(string Part, string Name, int Round, string Reason)
{
    public PartFailure(string part, string name, int round, Exception exception)
        : this(part, name, round, $"{exception.GetType().Name}: {exception.Message}")
    {
    }

    public override string ToString() => $"part {Part} ({Name}) failed in round {Round}: {Reason}";
}
