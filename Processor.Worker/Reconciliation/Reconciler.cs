using Microsoft.Extensions.Options;
using Processor.Worker.Migrate;
using Processor.Worker.Persistence;

namespace Processor.Worker.Reconciliation;

/// <summary>
/// Plans checks of jobs that should have ended, and makes those that are due (<see cref="JobChecker"/>); beside it, answers requests for fresh
/// downloads (<see cref="DownloadRefresher"/>). One replica is active.
/// </summary>
internal sealed partial class Reconciler(
    JobChecks checks,
    JobChecker checker,
    DownloadRefresher refresher,
    FindingPublisher publisher,
    MagicHourKey key,
    AskingPause pause,
    [FromKeyedServices(AdvisoryLocks.Reconcile)] ReplicaLock locks,
    MigrationGate gate,
    IOptions<ReconcileOptions> options,
    ProcessorMetrics metrics,
    TimeProvider time,
    ILogger<Reconciler> logger) : BackgroundService
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPlanInterval = TimeSpan.FromSeconds(15);

    // Waits until the last requests of a replica that lost the lock have arrived: together both must not exceed the budget.
    private static readonly TimeSpan TakeoverPause = TimeSpan.FromSeconds(2);

    // Room for requests that hang: after two seconds they use no budget.
    private readonly int _mostInFlight = 4 * options.Value.RequestsPerSecond;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await gate.WaitForSchemaAsync(stoppingToken);
        if (key.Current is null)
        {
            LogOff(logger);
        }

        await key.WaitAsync(stoppingToken);
        metrics.ReconcilingBegins();
        await locks.RunAsync(Start, publisher.DisconnectAsync, (exception, pause) => LogInterrupted(logger, exception, pause), stoppingToken);
    }

    private Task[] Start(CancellationToken cancellationToken)
    {
        LogActive(logger);
        return [PlanAsync(cancellationToken), AskAsync(cancellationToken), RefreshAsync(cancellationToken)];
    }

    private async Task PlanAsync(CancellationToken cancellationToken)
    {
        var interval = options.Value.FirstAfter / 4 < LongestPlanInterval ? options.Value.FirstAfter / 4 : LongestPlanInterval;
        for (; ; await Task.Delay(interval, time, cancellationToken))
        {
            await checks.PlanAsync(cancellationToken);
            await checks.ForgetEndedAsync(cancellationToken);
        }
    }

    private async Task AskAsync(CancellationToken cancellationToken)
    {
        await Task.Delay(TakeoverPause, time, cancellationToken);
        var inFlight = new Dictionary<string, Task>();
        try
        {
            while (true)
            {
                await pause.WaitAsync(cancellationToken);
                Array.ForEach([.. inFlight.Where(check => check.Value.IsCompleted).Select(check => check.Key)], jobId => inFlight.Remove(jobId));
                var isProbe = pause.IsProbing;
                // At most a second's worth: when one of them fails, the others are already in flight.
                var limit = Math.Min(isProbe ? 1 : options.Value.RequestsPerSecond, _mostInFlight - inFlight.Count);
                foreach (var due in limit == 0 ? [] : await checks.FindDueAsync(limit, inFlight.Keys, cancellationToken))
                {
                    inFlight.Add(due.Check.JobId, checker.CheckAsync(due, cancellationToken));
                }

                await Task.WhenAll([Task.Delay(PollInterval, time, cancellationToken), .. inFlight.Values.Where(_ => isProbe)]);
            }
        }
        finally
        {
            // They end by themselves, with the same token.
            await Task.WhenAll(inFlight.Values);
        }
    }

    private async Task RefreshAsync(CancellationToken cancellationToken)
    {
        await Task.Delay(TakeoverPause, time, cancellationToken);
        await refresher.RunAsync(cancellationToken);
    }

    [LoggerMessage(LogLevel.Information, "Jobs are not reconciled: neither MagicHourApi__Key nor a file at MagicHourApi__KeyFile has a key")]
    private static partial void LogOff(ILogger logger);

    [LoggerMessage(LogLevel.Information, "This replica reconciles jobs with Magic Hour's API")]
    private static partial void LogActive(ILogger logger);

    [LoggerMessage(LogLevel.Warning, "Reconciliation was interrupted; retrying in {Pause}")]
    private static partial void LogInterrupted(ILogger logger, Exception exception, TimeSpan pause);
}
