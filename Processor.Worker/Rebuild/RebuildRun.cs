using System.Data;
using Npgsql;
using Processor.Worker.Jobs;
using Processor.Worker.Persistence;

namespace Processor.Worker.Rebuild;

/// <summary>Compares every job with its events, by key, and writes those that differ.</summary>
/// <remarks>
/// Comparing takes no locks: a group commits the events of a job and its row together, so one snapshot has both or neither. Only a job that
/// differs is locked (<see cref="JobLock"/>), without waiting, and then compared again, because a group may have written it since.
/// </remarks>
internal sealed class RebuildRun(NpgsqlDataSource database, RebuildReport report, TimeProvider time)
{
    // A few milliseconds each. A job has at most nine events with a fact, each of at most some 40 KB: 36 MB, and normally a hundredth of that.
    private const int PageSize = 100;

    // Five seconds in all: a group commit holds its locks for milliseconds; a lock held longer belongs to a suspended process.
    private const int MostAttempts = 50;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <exception cref="NpgsqlException">The database is unavailable. What was written until then is.</exception>
    public async Task RunAsync(RebuildRequest request, CancellationToken cancellationToken)
    {
        if (request.JobId is { } jobId)
        {
            await ExamineAsync([jobId], request.IsCheck, cancellationToken);
            return;
        }

        var page = await ReadPageAsync(after: "", cancellationToken);
        while (page.Count > 0)
        {
            await ExamineAsync(page, request.IsCheck, cancellationToken);
            page = await ReadPageAsync(page[^1], cancellationToken);
        }
    }

    /// <summary>The command that finds the next jobs: all that have a row, an event or an owner, in the order of their ids.</summary>
    internal static NpgsqlCommand SelectPage(NpgsqlConnection connection, string after) => new(
        """
        select job_id
        from (
            (select magic_hour_id as job_id from jobs where magic_hour_id > $1 order by magic_hour_id limit $2)
            union
            (select distinct job_id from webhook_events where job_id > $1 order by job_id limit $2)
            union
            (select job_id from job_registrations where job_id > $1 order by job_id limit $2)) as next
        order by job_id
        limit $2
        """,
        connection)
    {
        Parameters = { new NpgsqlParameter<string> { TypedValue = after }, new NpgsqlParameter<int> { TypedValue = PageSize } },
    };

    private async Task<IReadOnlyList<string>> ReadPageAsync(string after, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var command = SelectPage(connection, after);
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        var jobIds = new List<string>(PageSize);
        while (await rows.ReadAsync(cancellationToken))
        {
            jobIds.Add(rows.GetString(0));
        }

        return jobIds;
    }

    private async Task ExamineAsync(IReadOnlyList<string> jobIds, bool isCheck, CancellationToken cancellationToken)
    {
        var compared = await CompareAsync(jobIds, cancellationToken);
        foreach (var comparison in compared.Where(comparison => isCheck || !comparison.IsDifferent))
        {
            report.Show(comparison);
        }

        string[] different = [.. compared.Where(comparison => !isCheck && comparison.IsDifferent).Select(comparison => comparison.JobId)];
        foreach (var chunk in different.Chunk(JobLock.MostWithoutPermit))
        {
            await WriteAllAsync(chunk, cancellationToken);
        }
    }

    private async Task WriteAllAsync(IReadOnlyList<string> jobIds, CancellationToken cancellationToken)
    {
        var left = await WriteAsync(jobIds, cancellationToken);
        for (var attempt = 1; left.Count > 0 && attempt < MostAttempts; attempt++)
        {
            await Task.Delay(Pause, time, cancellationToken);
            left = await WriteAsync(left, cancellationToken);
        }

        foreach (var jobId in left)
        {
            report.Show(new Comparison(jobId, Finding.Busy, [], null));
        }
    }

    private async Task<IReadOnlyList<Comparison>> CompareAsync(IReadOnlyList<string> jobIds, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var snapshot = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);
        return await JobHistory.CompareAsync(connection, jobIds, cancellationToken);
    }

    /// <returns>The jobs whose locks were taken.</returns>
    private async Task<IReadOnlyList<string>> WriteAsync(IReadOnlyList<string> jobIds, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var free = await LockAsync(connection, jobIds, cancellationToken);
        // A read after the locks sees everything committed for these jobs.
        var compared = await JobHistory.CompareAsync(connection, free, cancellationToken);
        Job[] jobs = [.. compared.Select(comparison => comparison.Rewrite).OfType<Job>()];
        if (jobs.Length > 0)
        {
            await using var write = new NpgsqlBatch(connection) { BatchCommands = { Job.Upsert(jobs), Correct(jobs) } };
            await write.ExecuteNonQueryAsync(cancellationToken);
        }

        // Never cancelled: its outcome would be unknown.
        await transaction.CommitAsync(CancellationToken.None);
        foreach (var comparison in compared)
        {
            report.Show(comparison);
        }

        return [.. jobIds.Except(free)];
    }

    private static async Task<IReadOnlyList<string>> LockAsync(NpgsqlConnection connection, IReadOnlyList<string> jobIds, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection) { BatchCommands = { JobLock.TryAcquire(jobIds) } };
        await using var rows = await batch.ExecuteReaderAsync(cancellationToken);
        var locked = new List<string>();
        while (await rows.ReadAsync(cancellationToken))
        {
            locked.Add(rows.GetString(0));
        }

        return locked;
    }

    /// <summary>What an upsert leaves alone: it never lowers a status, never raises a time of creation, and knows no owner.</summary>
    private static NpgsqlBatchCommand Correct(Job[] jobs) => new(
        """
        update jobs
        set status = correct.status, created_at = correct.created_at, user_id = correct.user_id
        from unnest($1, $2, $3, $4) as correct (magic_hour_id, status, created_at, user_id)
        where jobs.magic_hour_id = correct.magic_hour_id
        """)
    {
        Parameters =
        {
            Column.Text(jobs, job => job.MagicHourId),
            Column.Text(jobs, job => Job.StatusText(job.Status)),
            Column.Time(jobs, job => job.CreatedAt),
            Column.Text(jobs, job => job.UserId),
        },
    };
}
