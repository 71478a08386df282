using System.Diagnostics;

namespace Platform.Faults;

/// <summary>Runs faults one after the other in one lab. After a fault that did not pass, the next one gets a new lab.</summary>
/// <param name="scale">Factor for the durations in the fault matrix.</param>
internal sealed class FaultRunner(bool inContainer, int seed, double scale)
{
    private Lab? _lab;

    /// <summary>The broker version of the last lab.</summary>
    public string BrokerVersion { get; private set; } = "";

    public async Task<IReadOnlyList<FaultResult>> RunAsync(IReadOnlyList<Fault> faults, CancellationToken cancellationToken)
    {
        var results = new List<FaultResult>();
        try
        {
            foreach (var fault in faults)
            {
                Console.WriteLine($"{fault.Id,-6} {fault.What} ...");
                var result = await RunAsync(fault, cancellationToken);
                results.Add(result);
                Console.WriteLine($"       {Word(result.Verdict)} after {result.Duration.TotalSeconds:0} s: {result.Figures}");
                if (result.Verdict is FaultVerdict.Failed)
                {
                    Console.WriteLine($"       repeat: ./platform faults --only {fault.Id} --seed {seed}{(inContainer ? " --docker" : "")}{(scale >= 1 ? " --full" : "")}");
                    await CloseLabAsync();
                }
            }
        }
        finally
        {
            await CloseLabAsync();
        }

        return results;
    }

    public static string Word(FaultVerdict verdict) => verdict switch
    {
        FaultVerdict.Passed => "passed",
        FaultVerdict.Failed => "FAILED",
        FaultVerdict.Skipped => "skipped",
        _ => throw new ArgumentOutOfRangeException(nameof(verdict), verdict, null),
    };

    private async Task<FaultResult> RunAsync(Fault fault, CancellationToken cancellationToken)
    {
        var began = Stopwatch.GetTimestamp();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            _lab ??= await Lab.StartAsync(inContainer, cancellationToken);
            BrokerVersion = _lab.Broker.Version;
            // The previous fault may have broken the pooled connections.
            _lab.Database.Clear();
            patience.CancelAfter(fault.Patience);
            var figures = await fault.RunAsync(new FaultContext(_lab, seed, scale, patience.Token));
            return Result(FaultVerdict.Passed, figures);
        }
        catch (SkippedException exception)
        {
            return Result(FaultVerdict.Skipped, exception.Message);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            // Any exception means that the expectation was not met.
            return Result(FaultVerdict.Failed, exception is UnexpectedException or TimeoutException ? exception.Message : $"{exception}");
        }

        FaultResult Result(FaultVerdict verdict, string figures) => new(fault, verdict, figures, Stopwatch.GetElapsedTime(began));
    }

    private async Task CloseLabAsync()
    {
        if (_lab is not null)
        {
            await _lab.DisposeAsync();
            _lab = null;
        }
    }
}
