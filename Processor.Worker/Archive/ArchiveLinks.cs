using Microsoft.Extensions.Options;
using Npgsql;
using Processor.Worker.Jobs;
using Processor.Worker.Persistence;

namespace Processor.Worker.Archive;

/// <summary>Replaces the sender's URLs by links to the archive where it has the files.</summary>
internal sealed class ArchiveLinks(NpgsqlDataSource database, ArchiveStore store, IOptions<ArchiveOptions> options, TimeProvider time)
{
    /// <param name="downloads">As the row of the job has them.</param>
    public async Task<IReadOnlyList<ArchivedFile>> ReplaceAsync(string jobId, IReadOnlyList<VisibleDownload> downloads, CancellationToken cancellationToken)
    {
        var stored = store.IsConfigured && downloads.Count > 0 ? await ReadAsync(jobId, cancellationToken) : [];
        if (stored.Count == 0)
        {
            return [.. downloads.Select(download => new ArchivedFile(download))];
        }

        // S3 counts whole seconds.
        var expiresAt = time.GetUtcNow() + options.Value.LinkLifetime;
        var ids = FileIds.Create(downloads);
        return [.. downloads.Select((download, index) => stored.GetValueOrDefault(ids[index]) is { } row
            ? new ArchivedFile(new VisibleDownload(store.Sign(row.ObjectKey, expiresAt), $"{expiresAt.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ}"), row.Size, row.Sha256)
            : new ArchivedFile(download))];
    }

    private async Task<Dictionary<string, (string ObjectKey, long? Size, string? Sha256)?>> ReadAsync(string jobId, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            "select file_id, object_key, size, encode(sha256, 'hex') from archived_downloads where job_id = $1 and state = 'stored'");
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = jobId });
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        var stored = new Dictionary<string, (string, long?, string?)?>();
        while (await rows.ReadAsync(cancellationToken))
        {
            stored.Add(rows.GetString(0), (rows.GetString(1), rows.IsDBNull(2) ? null : rows.GetInt64(2), rows.TextOrNull(3)));
        }

        return stored;
    }
}

/// <summary>A file to show.</summary>
/// <param name="Size">Bytes in the archive; null when it is not there.</param>
/// <param name="Sha256">In lower-case hex; null when it is not there.</param>
internal sealed record ArchivedFile(VisibleDownload Download, long? Size = null, string? Sha256 = null);
