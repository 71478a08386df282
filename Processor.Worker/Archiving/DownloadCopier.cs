using System.Buffers;
using System.Security.Cryptography;
using Microsoft.Extensions.Options;
using Processor.Worker.Archive;

namespace Processor.Worker.Archiving;

/// <summary>
/// Copies one download in parts of <see cref="PartSize"/>, of which one is in memory. A copy that was interrupted continues after the last part that
/// the store has.
/// </summary>
internal sealed class DownloadCopier(DownloadSource source, ArchiveStore store, ArchiveQueue queue, ProcessorMetrics metrics, IOptions<ArchiveOptions> options)
{
    /// <summary>S3 takes at most 10,000 parts, of at least 5 MiB.</summary>
    public const int PartSize = 8 << 20;

    // A host slower than 28 KB/s would occupy a slot for hours.
    private static readonly TimeSpan PartTimeout = TimeSpan.FromMinutes(5);

    /// <returns>The content of the object, which is complete.</returns>
    /// <exception cref="CopyFailedException">The host failed, or the job was erased.</exception>
    public async Task<StoredContent> CopyAsync(ArchivedDownload row, string url, CancellationToken cancellationToken)
    {
        var parts = row.UploadId is { } uploadId ? await store.ListAsync(row.ObjectKey, uploadId, cancellationToken) : [];
        if (parts is null && await ReadBackAsync(row.ObjectKey, cancellationToken) is { } completed)
        {
            // The previous attempt ended after the upload.
            return completed;
        }

        // Only the last part of a file is shorter; the upload was about to be completed, so that part is copied again.
        var done = parts?.TakeWhile(part => part.Size == PartSize).ToList() ?? [];
        using var download = await source.OpenAsync(url, (long)done.Count * PartSize, row.SourceTag, cancellationToken);
        if (!download.IsContinued || parts is null)
        {
            await store.AbortAsync(row.ObjectKey, row.UploadId, cancellationToken);
            (row, done) = (row with { UploadId = null, SourceTag = download.Tag }, []);
        }

        return await CopyAsync(row, download, done, cancellationToken);
    }

    private async Task<StoredContent> CopyAsync(ArchivedDownload row, OpenDownload download, List<UploadedPart> parts, CancellationToken cancellationToken)
    {
        // The hash of a continued copy is computed from the object.
        var isContinued = parts.Count > 0;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(PartSize);
        try
        {
            var size = (long)parts.Count * PartSize;
            ThrowIfTooLarge(size + (download.Length ?? 0));
            for (var isLast = false; !isLast;)
            {
                var count = await ReadPartAsync(download, buffer, cancellationToken);
                isLast = count < PartSize;
                size += count;
                ThrowIfTooLarge(size);
                hash.AppendData(buffer, 0, count);
                using var content = new MemoryStream(buffer, 0, count, writable: false);
                if (isLast && row.UploadId is null)
                {
                    await store.PutAsync(row.ObjectKey, download.ContentType, content, cancellationToken);
                }
                else if (count > 0 || parts.Count == 0)
                {
                    row = row.UploadId is null ? await BeginAsync(row, download, cancellationToken) : row;
                    parts.Add(await store.UploadAsync(row.ObjectKey, row.UploadId!, parts.Count + 1, content, cancellationToken));
                }

                metrics.Archived(count);
            }

            if (row.UploadId is { } uploadId)
            {
                await store.CompleteAsync(row.ObjectKey, uploadId, parts, cancellationToken);
            }

            return isContinued && await ReadBackAsync(row.ObjectKey, cancellationToken) is { } whole ? whole : new StoredContent(size, hash.GetHashAndReset());
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Recorded before the first part, so that no upload in the store is unknown.</summary>
    private async Task<ArchivedDownload> BeginAsync(ArchivedDownload row, OpenDownload download, CancellationToken cancellationToken)
    {
        var begun = row with { UploadId = await store.BeginAsync(row.ObjectKey, download.ContentType, cancellationToken) };
        if (!await queue.BeginAsync(begun, cancellationToken))
        {
            await store.AbortAsync(begun.ObjectKey, begun.UploadId, cancellationToken);
            throw new CopyFailedException("its job was erased");
        }

        return begun;
    }

    private static async Task<int> ReadPartAsync(OpenDownload download, byte[] buffer, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(PartTimeout);
        try
        {
            return await download.Content.ReadAtLeastAsync(buffer.AsMemory(0, PartSize), PartSize, throwOnEndOfStream: false, limit.Token);
        }
        catch (Exception exception) when (exception is IOException or HttpRequestException)
        {
            throw new CopyFailedException("the connection broke");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new CopyFailedException($"less than {PartSize >> 20} MiB in {PartTimeout.TotalMinutes:0} minutes");
        }
    }

    /// <summary>Computes size and hash from the object.</summary>
    /// <returns>Null when there is no object.</returns>
    private async Task<StoredContent?> ReadBackAsync(string key, CancellationToken cancellationToken)
    {
        await using var content = await store.OpenAsync(key, cancellationToken);
        if (content is null)
        {
            return null;
        }

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(1 << 16);
        try
        {
            var size = 0L;
            for (int count; (count = await content.ReadAsync(buffer, cancellationToken)) > 0; size += count)
            {
                hash.AppendData(buffer, 0, count);
            }

            return new StoredContent(size, hash.GetHashAndReset());
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void ThrowIfTooLarge(long size)
    {
        if (size > options.Value.MaxBytes)
        {
            throw new CopyFailedException($"more than {options.Value.MaxBytes} bytes", isFinal: true);
        }
    }
}

/// <summary>What an object contains.</summary>
/// <param name="Size">Bytes.</param>
internal sealed record StoredContent(long Size, byte[] Sha256);
