using Microsoft.Extensions.Options;
using Processor.Worker.Migrate;

namespace Processor.Worker.Reconciliation;

/// <summary>
/// Plans checks of jobs that should have ended, and makes those that are due (<see cref="JobChecker"/>). One replica is active.
/// </summary>
internal sealed partial class Reconciler(
    JobChecks checks,
    JobChecker checker,
    MagicHourKey key,
    AskingPause pause,
    ReconcileLock locks,
    MigrationGate gate,
    IOptions<ReconcileOptions> options,
    ProcessorMetrics metrics,
    TimeProvider time,
    ILogger<Reconciler> logger) : BackgroundService
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPlanInterval = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(5);

    // Until the last requests of a replica that has lost the lock have arrived: both together must not exceed the budget.
    private static readonly TimeSpan TakeoverPause = TimeSpan.FromSeconds(2);

    // Room for requests that hang: after two seconds they use no budget.
    private readonly int _mostInFlight = 4 * options.Value.RequestsPerSecond;

    /// <summary>True while this replica is the one that asks.</summary>
    public bool IsActive { get; private set; }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await gate.WaitForSchemaAsync(stoppingToken);
        if (key.Current is null)
        {
            LogOff(logger);
        }

        await key.WaitAsync(stoppingToken);
        metrics.ReconcilingBegins();
        while (true)
        {
            try
            {
                await using var held = await locks.AcquireAsync(stoppingToken);
                await ReconcileAsync(held, stoppingToken);
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                LogInterrupted(logger, exception, RetryInterval);
            }

            await Task.Delay(RetryInterval, time, stoppingToken);
        }
    }

    /// <summary>Never returns.</summary>
    /// <exception cref="Exception">The lock or the database is lost.</exception>
    private async Task ReconcileAsync(ReconcileLock.Held held, CancellationToken stoppingToken)
    {
        using var lost = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        LogActive(logger);
        IsActive = true;
        Task[] tasks = [held.KeepAsync(lost.Token), PlanAsync(lost.Token), AskAsync(lost.Token)];
        try
        {
            await await Task.WhenAny(tasks);
        }
        finally
        {
            IsActive = false;
            await lost.CancelAsync();
            await Task.WhenAll(tasks).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await checker.DisconnectAsync();
        }
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
                // Not more than a second's worth: when one of them fails, the others are already on their way.
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

    [LoggerMessage(LogLevel.Information, "Jobs are not reconciled: neither MagicHourApi__Key nor a file at MagicHourApi__KeyFile has a key")]
    private static partial void LogOff(ILogger logger);

    [LoggerMessage(LogLevel.Information, "This replica reconciles jobs with Magic Hour's API")]
    private static partial void LogActive(ILogger logger);

    [LoggerMessage(LogLevel.Warning, "Reconciling is interrupted; trying again in {Pause}")]
    private static partial void LogInterrupted(ILogger logger, Exception exception, TimeSpan pause);
}
