using Npgsql;
using Processor.Worker.Events;
using Processor.Worker.Jobs;
using Processor.Worker.Persistence;

namespace Processor.Worker.Rebuild;

/// <summary>Everything stored about one job that decides its row.</summary>
internal sealed class JobHistory(string jobId)
{
    /// <summary>Retention drops no events that are younger, and then all of a job: a row that is older than its events by this much has lost some.</summary>
    private static readonly TimeSpan ShortestRetention = TimeSpan.FromDays(44);

    private readonly List<JobFact> _facts = [];
    private Job? _row;
    private (string Resource, string UserId, DateTimeOffset RegisteredAt)? _owner;
    private bool _isErased;
    private bool _isUnreadable;

    /// <summary>Compares jobs with their events. The two must be of one snapshot: the caller has locked the jobs, or the transaction is repeatable read.</summary>
    /// <returns>In the order of the ids.</returns>
    public static async Task<IReadOnlyList<Comparison>> CompareAsync(
        NpgsqlConnection connection, IReadOnlyList<string> jobIds, CancellationToken cancellationToken)
    {
        var histories = jobIds.ToDictionary(jobId => jobId, jobId => new JobHistory(jobId));
        await using var batch = new NpgsqlBatch(connection) { BatchCommands = { SelectRows(jobIds), KnownEvent.SelectByJob(jobIds) } };
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            histories[reader.GetString(0)].ReadRow(reader);
        }

        await reader.NextResultAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            histories[KnownEvent.ReadJobId(reader)].ReadEvent(reader);
        }

        return [.. jobIds.Select(jobId => histories[jobId].Compare())];
    }

    private static NpgsqlBatchCommand SelectRows(IReadOnlyList<string> jobIds) => new(
        """
        select wanted.job_id, jobs.resource, status, project_type, name, jobs.user_id, download_url, downloads, downloads_cut, download_expires_at,
               error_code, error_message, credits_charged, created_at, started_at, completed_at, failed_at, canceled_at, deleted_at, updated_at,
               owner.resource, owner.user_id, owner.registered_at, erased.job_id is not null
        from unnest($1) as wanted (job_id)
        left join jobs on magic_hour_id = wanted.job_id
        left join job_registrations as owner on owner.job_id = wanted.job_id
        left join erased_jobs as erased on erased.job_id = wanted.job_id
        """)
    {
        Parameters = { Column.Text(jobIds, jobId => jobId) },
    };

    private Comparison Compare()
    {
        if (_isUnreadable)
        {
            return new Comparison(jobId, Finding.Unreadable, [], null);
        }

        if (HasExpired())
        {
            return new Comparison(jobId, Finding.Expired, [], null);
        }

        if (Expected() is not { } expected)
        {
            return new Comparison(jobId, Finding.Unknown, [], null);
        }

        if (_row is null)
        {
            return new Comparison(jobId, Finding.Missing, [], expected);
        }

        return JobColumns.Differing(_row, expected) is { Count: > 0 } columns
            ? new Comparison(jobId, Finding.Different, columns, expected)
            : new Comparison(jobId, Finding.Same, [], null);
    }

    // Of an ended job, retention drops all events; another one may have arrived since.
    private bool HasExpired() => _row is { } row
        && (_facts.Count == 0 ? _owner is null || row.Status is not JobStatus.Queued : row.CreatedAt <= _facts.Min(fact => fact.ReceivedAt) - ShortestRetention);

    /// <summary>Null for a job that no event and no registration has made.</summary>
    private Job? Expected()
    {
        var job = _facts.Count > 0 ? Job.From(jobId, _facts) : Queued();
        if (job is null || _owner is null && !_isErased)
        {
            return job;
        }

        // An earlier registration, which a later one has replaced or an erasure has deleted, may have made the row.
        var createdAt = _owner?.RegisteredAt < job.CreatedAt ? _owner.Value.RegisteredAt : job.CreatedAt;
        return job with { UserId = _owner?.UserId, CreatedAt = _row?.CreatedAt < createdAt ? _row.CreatedAt : createdAt };
    }

    private Job? Queued() => _owner is not { } owner ? null : new Job
    {
        MagicHourId = jobId,
        Resource = owner.Resource,
        Status = JobStatus.Queued,
        CreatedAt = owner.RegisteredAt,
        UpdatedAt = owner.RegisteredAt,
    };

    private void ReadEvent(NpgsqlDataReader row)
    {
        try
        {
            if (KnownEvent.Read(row).Fact is { } fact)
            {
                _facts.Add(fact);
            }
        }
        catch (NewerVersionException)
        {
            _isUnreadable = true;
        }
    }

    private void ReadRow(NpgsqlDataReader row)
    {
        try
        {
            _row = row.IsDBNull(1) ? null : new Job
            {
                MagicHourId = jobId,
                Resource = row.GetString(1),
                Status = Job.ParseStatus(row.GetString(2)),
                ProjectType = row.TextOrNull(3),
                Name = row.TextOrNull(4),
                UserId = row.TextOrNull(5),
                DownloadUrl = row.TextOrNull(6),
                Downloads = row.TextOrNull(7),
                DownloadsCut = row.GetBoolean(8),
                DownloadExpiresAt = row.TimeOrNull(9),
                ErrorCode = row.TextOrNull(10),
                ErrorMessage = row.TextOrNull(11),
                CreditsCharged = row.IsDBNull(12) ? null : row.GetInt64(12),
                CreatedAt = row.GetFieldValue<DateTimeOffset>(13),
                StartedAt = row.TimeOrNull(14),
                CompletedAt = row.TimeOrNull(15),
                FailedAt = row.TimeOrNull(16),
                CanceledAt = row.TimeOrNull(17),
                DeletedAt = row.TimeOrNull(18),
                UpdatedAt = row.GetFieldValue<DateTimeOffset>(19),
            };
        }
        catch (NewerVersionException)
        {
            _isUnreadable = true;
        }

        _owner = row.IsDBNull(20) ? null : (row.GetString(20), row.GetString(21), row.GetFieldValue<DateTimeOffset>(22));
        _isErased = row.GetBoolean(23);
    }
}
