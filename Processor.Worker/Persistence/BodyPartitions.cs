namespace Processor.Worker.Persistence;

/// <summary>Keeps the partitions of the coming days made while a worker runs.</summary>
internal sealed partial class BodyPartitions(
    DatabaseSchema schema, MigrationGate gate, TimeProvider time, ILogger<BodyPartitions> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromHours(12);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await gate.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await schema.CreatePartitionsAsync(stoppingToken);
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                // Nothing is lost: days without a partition go into the default one.
                LogFailed(logger, exception);
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "The partitions of the coming days could not be made; trying again later")]
    private static partial void LogFailed(ILogger logger, Exception exception);
}
