using Npgsql;
using Processor.Worker.Archive;
using Processor.Worker.Jobs;
using Processor.Worker.Persistence;

namespace Processor.Worker.Archiving;

/// <summary>The table <c>archived_downloads</c>, written by the one active replica and by erasures.</summary>
internal sealed class ArchiveQueue(NpgsqlDataSource database, TimeProvider time)
{
    /// <summary>Maximum number of jobs found at once.</summary>
    public const int ChunkSize = 500;

    /// <summary>Completed jobs with files that have no row, in the order of their expiry.</summary>
    public async Task<IReadOnlyList<ArchivableJob>> FindNewAsync(CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            $"""
            select magic_hour_id, resource, downloads::text
            from jobs
            where download_expires_at > $1 and status = 'completed'
                and jsonb_array_length(downloads) > (select count(*) from archived_downloads where job_id = magic_hour_id)
                and {ErasedJob.IsNot("magic_hour_id")}
            order by download_expires_at
            limit $2
            """);
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = time.GetUtcNow().UtcDateTime });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = ChunkSize });
        return await ReadJobsAsync(command, cancellationToken);
    }

    /// <returns>Null when the job is not completed, or erased.</returns>
    public async Task<ArchivableJob?> FindJobAsync(string jobId, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            $"select magic_hour_id, resource, downloads::text from jobs where magic_hour_id = $1 and status = 'completed' and {ErasedJob.IsNot("magic_hour_id")}");
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = jobId });
        return await ReadJobsAsync(command, cancellationToken) is [var job] ? job : null;
    }

    /// <summary>Adds a row for each file that has none.</summary>
    public async Task AddAsync(ArchivableJob job, string prefix, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            $"""
            insert into archived_downloads (job_id, file_id, state, object_key, attempts, next_attempt_at, created_at)
            select $1, file_id, 'copying', object_key, 0, $4, $4
            from unnest($2, $3) as file (file_id, object_key)
            where {ErasedJob.IsNot("$1")}
            on conflict (job_id, file_id) do nothing
            """);
        var ids = FileIds.Create(job.Downloads);
        var files = ids.Select((id, index) => (Id: id, Key: FileIds.ToKey(prefix, job.JobId, id, job.Downloads[index].Url))).ToArray();
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = job.JobId });
        command.Parameters.Add(Column.Text(files, file => file.Id));
        command.Parameters.Add(Column.Text(files, file => file.Key));
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = time.GetUtcNow().UtcDateTime });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Due rows, the longest overdue first.</summary>
    /// <param name="state"><see cref="ArchiveState.Copying"/> or <see cref="ArchiveState.Erasing"/>.</param>
    /// <param name="exceptObjects">Keys of objects in flight.</param>
    public async Task<IReadOnlyList<ArchivedDownload>> FindDueAsync(
        ArchiveState state, int limit, IReadOnlyCollection<string> exceptObjects, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            """
            select job_id, file_id, state, object_key, upload_id, source_tag, attempts, next_attempt_at, last_error, created_at
            from archived_downloads
            where state = $1 and next_attempt_at <= $2 and object_key <> all ($3)
            order by next_attempt_at
            limit $4
            """);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = state.Name() });
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = time.GetUtcNow().UtcDateTime });
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. exceptObjects] });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = limit });
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        var due = new List<ArchivedDownload>();
        while (await rows.ReadAsync(cancellationToken))
        {
            due.Add(Read(rows));
        }

        return due;
    }

    /// <summary>Records an upload before its first part is sent.</summary>
    /// <returns>False when the job was erased meanwhile.</returns>
    public async Task<bool> BeginAsync(ArchivedDownload row, CancellationToken cancellationToken)
    {
        await using var command = Update("upload_id = $3, source_tag = $4", ArchiveState.Copying, row);
        command.Parameters.Add(new NpgsqlParameter<string?> { TypedValue = row.UploadId });
        command.Parameters.Add(new NpgsqlParameter<string?> { TypedValue = row.SourceTag });
        return await command.ExecuteScalarAsync(cancellationToken) is not null;
    }

    /// <summary>Records that the object is complete.</summary>
    /// <returns>False when the job was erased meanwhile: the object is to be deleted.</returns>
    public async Task<bool> StoreAsync(ArchivedDownload row, long size, byte[] sha256, CancellationToken cancellationToken)
    {
        await using var command = Update(
            "state = 'stored', size = $3, sha256 = $4, stored_at = $5, upload_id = null, source_tag = null, last_error = null", ArchiveState.Copying, row);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = size });
        command.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = sha256 });
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = time.GetUtcNow().UtcDateTime });
        return await command.ExecuteScalarAsync(cancellationToken) is not null;
    }

    /// <summary>Records a failed attempt.</summary>
    /// <param name="pause">Until the next one.</param>
    public Task FailAsync(ArchivedDownload row, string reason, bool isCounted, TimeSpan pause, CancellationToken cancellationToken) =>
        FailAsync(row, "copying", reason, isCounted, pause, cancellationToken);

    /// <summary>Records that there will be no further attempt.</summary>
    /// <returns>The upload that is to be aborted; null when there is none.</returns>
    public Task<string?> GiveUpAsync(ArchivedDownload row, string reason, CancellationToken cancellationToken) =>
        FailAsync(row, "failed", reason, isCounted: true, TimeSpan.Zero, cancellationToken);

    /// <summary>Marks for erasure what was added while its job was erased.</summary>
    public async Task NoticeErasuresAsync(CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            $"update archived_downloads set state = 'erasing' where state = 'copying' and not ({ErasedJob.IsNot("archived_downloads.job_id")})");
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Deletes the row of a file that has left the store.</summary>
    public async Task DeleteAsync(ArchivedDownload row, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand("delete from archived_downloads where job_id = $1 and file_id = $2 and state = 'erasing'");
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = row.JobId });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = row.FileId });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Tries to delete a file again later.</summary>
    public async Task PostponeErasureAsync(ArchivedDownload row, TimeSpan pause, CancellationToken cancellationToken)
    {
        await using var command = Update("attempts = attempts + 1, next_attempt_at = $3", ArchiveState.Erasing, row);
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = (time.GetUtcNow() + pause).UtcDateTime });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task<string?> FailAsync(ArchivedDownload row, string state, string reason, bool isCounted, TimeSpan pause, CancellationToken cancellationToken)
    {
        await using var command = Update("state = $3, last_error = $4, attempts = attempts + $5, next_attempt_at = $6", ArchiveState.Copying, row);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = state });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = reason });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = isCounted ? 1 : 0 });
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = (time.GetUtcNow() + pause).UtcDateTime });
        return await command.ExecuteScalarAsync(cancellationToken) as string;
    }

    /// <summary>Changes a row that is still in a state. An erasure may have come first.</summary>
    /// <param name="set">With parameters from $3 on.</param>
    private NpgsqlCommand Update(string set, ArchiveState state, ArchivedDownload row)
    {
        var command = database.CreateCommand(
            $"update archived_downloads set {set} where job_id = $1 and file_id = $2 and state = '{state.Name()}' returning upload_id");
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = row.JobId });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = row.FileId });
        return command;
    }

    private static async Task<IReadOnlyList<ArchivableJob>> ReadJobsAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        var jobs = new List<ArchivableJob>();
        while (await rows.ReadAsync(cancellationToken))
        {
            jobs.Add(new ArchivableJob(rows.GetString(0), rows.GetString(1), VisibleDownload.FromJson(rows.TextOrNull(2))));
        }

        return jobs;
    }

    private static ArchivedDownload Read(NpgsqlDataReader row) => new()
    {
        JobId = row.GetString(0),
        FileId = row.GetString(1),
        State = ArchiveStates.Parse(row.GetString(2)),
        ObjectKey = row.GetString(3),
        UploadId = row.TextOrNull(4),
        SourceTag = row.TextOrNull(5),
        Attempts = row.GetInt32(6),
        NextAttemptAt = row.GetFieldValue<DateTimeOffset>(7),
        LastError = row.TextOrNull(8),
        CreatedAt = row.GetFieldValue<DateTimeOffset>(9),
    };
}

/// <summary>A completed job.</summary>
/// <param name="Kind">Its <see cref="Job.Resource"/>.</param>
internal sealed record ArchivableJob(string JobId, string Kind, IReadOnlyList<VisibleDownload> Downloads)
{
    /// <returns>Null when the job no longer offers the file.</returns>
    public VisibleDownload? Find(string fileId) =>
        FileIds.Create(Downloads).Index().FirstOrDefault(one => one.Item == fileId) is { Item: not null } found ? Downloads[found.Index] : null;
}
