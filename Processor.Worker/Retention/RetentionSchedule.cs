using Cronos;
using Microsoft.Extensions.Options;
using Processor.Worker.Migrate;

namespace Processor.Worker.Retention;

/// <summary>Drops what has expired, on one replica, at the times of <see cref="RetentionOptions.Schedule"/>.</summary>
internal sealed partial class RetentionSchedule(
    RetentionRun run, MigrationGate gate, IOptions<RetentionOptions> options, ProcessorMetrics metrics, TimeProvider time, ILogger<RetentionSchedule> logger)
    : BackgroundService
{
    // A timer cannot wait longer than 49 days.
    private static readonly TimeSpan LongestDelay = TimeSpan.FromDays(1);
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMinutes(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await gate.WaitForSchemaAsync(stoppingToken);
        if (options.Value.Cron is not { } cron)
        {
            LogOff(logger);
            return;
        }

        metrics.RetentionBegins();
        await KeepRunningAsync(cron, stoppingToken);
    }

    /// <summary>Returns only if the expression has no further occurrence.</summary>
    internal async Task KeepRunningAsync(CronExpression cron, CancellationToken cancellationToken)
    {
        while (cron.GetNextOccurrence(time.GetUtcNow(), TimeZoneInfo.Utc) is { } due)
        {
            for (var left = due - time.GetUtcNow(); left > TimeSpan.Zero; left = due - time.GetUtcNow())
            {
                await Task.Delay(left < LongestDelay ? left : LongestDelay, time, cancellationToken);
            }

            while (!await TryRunAsync(due, cancellationToken))
            {
                await Task.Delay(RetryInterval, time, cancellationToken);
            }
        }
    }

    // Also false while another replica runs it, since that one may crash.
    private async Task<bool> TryRunAsync(DateTimeOffset due, CancellationToken cancellationToken)
    {
        try
        {
            return await run.RunAsync(due, show: _ => { }, cancellationToken) is RunOutcome.Succeeded;
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            LogInterrupted(logger, exception, RetryInterval);
            return false;
        }
    }

    [LoggerMessage(LogLevel.Information, "This worker does not run retention: Retention__Schedule is empty")]
    private static partial void LogOff(ILogger logger);

    [LoggerMessage(LogLevel.Warning, "Retention was interrupted; continuing in {Pause}")]
    private static partial void LogInterrupted(ILogger logger, Exception exception, TimeSpan pause);
}
