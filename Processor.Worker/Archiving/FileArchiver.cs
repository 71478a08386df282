using Platform.ServiceDefaults.Logging;
using Processor.Worker.Archive;
using Processor.Worker.Downloads;
using Processor.Worker.Jobs;

namespace Processor.Worker.Archiving;

/// <summary>Copies one file to the archive, or deletes it there, and records the outcome. Never throws: what is not recorded is still due.</summary>
internal sealed partial class FileArchiver(
    ArchiveQueue queue, ArchiveStore store, DownloadCopier copier, FreshDownloads fresh, ProcessorMetrics metrics, TimeProvider time, ILogger<FileArchiver> logger)
{
    // About ten hours in all: longer than an outage, and within the day that a URL is valid.
    private const int MostAttempts = 16;

    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestPause = TimeSpan.FromHours(1);
    private static readonly TimeSpan LongestRefresh = TimeSpan.FromSeconds(30);

    public async Task CopyAsync(ArchivedDownload row, CancellationToken cancellationToken)
    {
        try
        {
            metrics.Archived(await TryCopyAsync(row, cancellationToken));
        }
        catch (CopyFailedException exception)
        {
            await TryAsync(row, () => FailAsync(row, exception, cancellationToken), cancellationToken);
        }
        catch (Exception exception)
        {
            // Stopping: the next replica continues it.
            if (cancellationToken.IsCancellationRequested)
            {
                return;
            }

            // The store or the database is down: the attempt does not count.
            LogFailed(logger, exception, row.FileId, ShownText.Name(row.JobId));
            metrics.Archived(CopyResult.Retried);
            await TryAsync(row, () => queue.FailAsync(row, "the store failed", isCounted: false, FirstPause, cancellationToken), cancellationToken);
        }
    }

    public Task EraseAsync(ArchivedDownload row, CancellationToken cancellationToken) => TryAsync(
        row,
        async () =>
        {
            try
            {
                await DeleteAsync(row, cancellationToken);
                await queue.DeleteAsync(row, cancellationToken);
            }
            catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
            {
                LogNotErased(logger, exception, row.FileId, ShownText.Name(row.JobId));
                await queue.PostponeErasureAsync(row, Pause(row.Attempts), cancellationToken);
            }
        },
        cancellationToken);

    private async Task<CopyResult> TryCopyAsync(ArchivedDownload row, CancellationToken cancellationToken)
    {
        var content = await copier.CopyAsync(row, await FindUrlAsync(row, cancellationToken), cancellationToken);
        if (!await queue.StoreAsync(row, content.Size, content.Sha256, cancellationToken))
        {
            // An erasure may have deleted the row before the object existed.
            await DeleteAsync(row, cancellationToken);
            return CopyResult.Failed;
        }

        LogStored(logger, row.FileId, ShownText.Name(row.JobId), content.Size);
        return CopyResult.Stored;
    }

    private async Task FailAsync(ArchivedDownload row, CopyFailedException exception, CancellationToken cancellationToken)
    {
        var isFinal = exception.IsFinal || row.Attempts + 1 >= MostAttempts;
        LogNotCopied(logger, row.FileId, ShownText.Name(row.JobId), exception.Message, row.Attempts + 1, isFinal ? "given up" : "to be tried again");
        metrics.Archived(isFinal ? CopyResult.Failed : CopyResult.Retried);
        if (!isFinal)
        {
            await queue.FailAsync(row, exception.Message, isCounted: true, Pause(row.Attempts), cancellationToken);
            return;
        }

        await store.AbortAsync(row.ObjectKey, await queue.GiveUpAsync(row, exception.Message, cancellationToken), cancellationToken);
    }

    /// <summary>The stored URL, or a fresh one when that has expired.</summary>
    private async Task<string> FindUrlAsync(ArchivedDownload row, CancellationToken cancellationToken)
    {
        var job = await queue.FindJobAsync(row.JobId, cancellationToken);
        if (job?.Find(row.FileId) is not { } stored)
        {
            throw new CopyFailedException("its job no longer offers it");
        }

        if (!CopyFailedException.MeansExpired(row.LastError) && !(DownloadExpiry.Read(stored.ExpiresAt) <= time.GetUtcNow() + FirstPause))
        {
            return stored.Url;
        }

        var answer = await fresh.RefreshAsync(row.JobId, job.Kind, LongestRefresh, cancellationToken);
        return answer is not null && (job with { Downloads = answer.Downloads }).Find(row.FileId) is { } offered ? offered.Url : stored.Url;
    }

    // The upload first: a replica that has lost the lock unnoticed can then no longer complete it.
    private async Task DeleteAsync(ArchivedDownload row, CancellationToken cancellationToken)
    {
        await store.AbortAsync(row.ObjectKey, row.UploadId, cancellationToken);
        await store.DeleteAsync(row.ObjectKey, cancellationToken);
    }

    private async Task TryAsync(ArchivedDownload row, Func<Task> recordAsync, CancellationToken cancellationToken)
    {
        try
        {
            await recordAsync();
        }
        catch (Exception exception)
        {
            if (!cancellationToken.IsCancellationRequested)
            {
                LogFailed(logger, exception, row.FileId, ShownText.Name(row.JobId));
            }
        }
    }

    private static TimeSpan Pause(int failures) => FirstPause * Math.Pow(2, failures) is var pause && pause < LongestPause ? pause : LongestPause;

    [LoggerMessage(LogLevel.Information, "Archived file {FileId} of job {JobId}: {Size} bytes")]
    private static partial void LogStored(ILogger logger, string fileId, string jobId, long size);

    [LoggerMessage(LogLevel.Warning, "Could not archive file {FileId} of job {JobId}: {Reason} (attempt {Attempt}, {Outlook})")]
    private static partial void LogNotCopied(ILogger logger, string fileId, string jobId, string reason, int attempt, string outlook);

    [LoggerMessage(LogLevel.Warning, "Could not archive file {FileId} of job {JobId}; it is still due")]
    private static partial void LogFailed(ILogger logger, Exception exception, string fileId, string jobId);

    [LoggerMessage(LogLevel.Warning, "Could not delete file {FileId} of the erased job {JobId} from the archive; trying again later")]
    private static partial void LogNotErased(ILogger logger, Exception exception, string fileId, string jobId);
}

/// <summary>How an attempt to copy a file ended.</summary>
internal enum CopyResult
{
    Stored,

    /// <summary>To be tried again.</summary>
    Retried,

    /// <summary>Given up, or its job was erased.</summary>
    Failed,
}
