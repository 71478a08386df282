using Processor.Worker.Migrate;
using Processor.Worker.Persistence;

namespace Processor.Worker.Events;

/// <summary>Creates the partitions of the coming days while a worker consumes.</summary>
internal sealed partial class BodyPartitions(
    DatabaseSchema schema, MigrationGate gate, TimeProvider time, ILogger<BodyPartitions> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromHours(12);
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMinutes(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await gate.WaitForSchemaAsync(stoppingToken);
        await KeepCreatingAsync(stoppingToken);
    }

    /// <summary>Creates partitions at once, because no worker may have run for days, and then twice a day.</summary>
    internal async Task KeepCreatingAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var pause = await TryCreateAsync(cancellationToken) ? Interval : RetryInterval;
            await Task.Delay(pause, time, cancellationToken);
        }
    }

    private async Task<bool> TryCreateAsync(CancellationToken cancellationToken)
    {
        try
        {
            await schema.CreatePartitionsAsync(cancellationToken);
            return true;
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            // Nothing is lost: bodies of a day without a partition go into the default one. A day that starts there stays there, so the
            // retry is soon.
            LogFailed(logger, exception, RetryInterval);
            return false;
        }
    }

    [LoggerMessage(LogLevel.Warning, "Could not create the partitions of the coming days; trying again in {Pause}")]
    private static partial void LogFailed(ILogger logger, Exception exception, TimeSpan pause);
}
