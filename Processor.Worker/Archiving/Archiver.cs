using Microsoft.Extensions.Options;
using Processor.Worker.Archive;
using Processor.Worker.Migrate;
using Processor.Worker.Persistence;

namespace Processor.Worker.Archiving;

/// <summary>Copies the downloads of completed jobs to the archive before they expire, and deletes those of erased jobs. One replica is active.</summary>
internal sealed partial class Archiver(
    ArchiveQueue queue,
    ArchiveStore store,
    FileArchiver files,
    [FromKeyedServices(AdvisoryLocks.Archive)] ReplicaLock locks,
    MigrationGate gate,
    IOptions<ArchiveOptions> options,
    ProcessorMetrics metrics,
    TimeProvider time,
    ILogger<Archiver> logger) : BackgroundService
{
    private const int ErasuresAtOnce = 100;

    private static readonly TimeSpan PlanInterval = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await gate.WaitForSchemaAsync(stoppingToken);
        if (!store.IsConfigured)
        {
            LogOff(logger);
            return;
        }

        metrics.ArchivingBegins();
        await locks.RunAsync(Start, () => ValueTask.CompletedTask, (exception, pause) => LogInterrupted(logger, exception, pause), stoppingToken);
    }

    private Task[] Start(CancellationToken cancellationToken)
    {
        LogActive(logger);
        return [PlanAsync(cancellationToken), WorkAsync(cancellationToken)];
    }

    private async Task PlanAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var found = await queue.FindNewAsync(cancellationToken);
            foreach (var job in found)
            {
                await queue.AddAsync(job, options.Value.Prefix, cancellationToken);
            }

            await queue.NoticeErasuresAsync(cancellationToken);
            if (found.Count < ArchiveQueue.ChunkSize)
            {
                await Task.Delay(PlanInterval, time, cancellationToken);
            }
        }
    }

    private async Task WorkAsync(CancellationToken cancellationToken)
    {
        var inWork = new Dictionary<string, Task>();
        try
        {
            for (; ; await Task.Delay(PollInterval, time, cancellationToken))
            {
                Array.ForEach([.. inWork.Where(copy => copy.Value.IsCompleted).Select(copy => copy.Key)], key => inWork.Remove(key));
                // A running copy would restore the object.
                foreach (var erased in await queue.FindDueAsync(ArchiveState.Erasing, ErasuresAtOnce, inWork.Keys, cancellationToken))
                {
                    await files.EraseAsync(erased, cancellationToken);
                }

                var limit = options.Value.Concurrency - inWork.Count;
                foreach (var due in limit == 0 ? [] : await queue.FindDueAsync(ArchiveState.Copying, limit, inWork.Keys, cancellationToken))
                {
                    inWork.Add(due.ObjectKey, files.CopyAsync(due, cancellationToken));
                }
            }
        }
        finally
        {
            // They end by themselves, with the same token.
            await Task.WhenAll(inWork.Values);
        }
    }

    [LoggerMessage(LogLevel.Information, "Downloads are not archived: Archive__Bucket is not set")]
    private static partial void LogOff(ILogger logger);

    [LoggerMessage(LogLevel.Information, "This replica archives downloads")]
    private static partial void LogActive(ILogger logger);

    [LoggerMessage(LogLevel.Warning, "Archiving was interrupted; retrying in {Pause}")]
    private static partial void LogInterrupted(ILogger logger, Exception exception, TimeSpan pause);
}
