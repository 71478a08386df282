namespace Platform.ServiceDefaults.Telemetry;

/// <summary>
/// Logs once a minute what telemetry was dropped, and why. Separate from <see
/// cref="DroppedTelemetry"/>, because the exporter of this log depends on that class.
/// </summary>
internal sealed partial class DroppedTelemetryLog(DroppedTelemetry dropped, TimeProvider time, ILogger<DroppedTelemetryLog> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        Report();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            Report();
        }
    }

    private void Report()
    {
        foreach (var (what, cause, count) in dropped.TakeUnreported())
        {
            LogDropped(logger, count, what, cause);
        }
    }

    [LoggerMessage(LogLevel.Warning, "{Count} {What} did not reach the collector within the last minute: {Cause}")]
    private static partial void LogDropped(ILogger logger, long count, string what, string cause);
}
