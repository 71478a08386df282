using Npgsql;
using Processor.Worker.Jobs;
using Processor.Worker.Persistence;

namespace Processor.Worker.Reconciliation;

/// <summary>The table <c>job_checks</c>. Only the reconciler writes it: an event costs nothing here.</summary>
internal sealed class JobChecks(NpgsqlDataSource database, CheckSchedule schedule, TimeProvider time)
{
    // Rows of one statement; the next one handles the rest.
    private const int ChunkSize = 10_000;

    /// <summary>Plans checks of all unfinished jobs, and of those that failed lately, that have none.</summary>
    /// <returns>The number of jobs.</returns>
    public async Task<int> PlanAsync(CancellationToken cancellationToken) =>
        await PlanUnfinishedAsync(cancellationToken) + await PlanFailedAsync(cancellationToken);

    private async Task<int> PlanUnfinishedAsync(CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            $"""
            insert into job_checks (job_id, kind, state, next_check_at, since, attempts, failures, not_found)
            select magic_hour_id, resource, 'waiting', greatest($1, created_at + coalesce(of_tool.first_check, of_kind.first_check, $4)), $1, 0, 0, 0
            from jobs
            left join unnest($2, $3) as of_tool (name, first_check) on of_tool.name = resource || '/' || project_type
            left join unnest($2, $3) as of_kind (name, first_check) on of_kind.name = resource
            where status in ('queued', 'rendering') and not exists (select from job_checks where job_id = magic_hour_id)
                and {ErasedJob.IsNot("magic_hour_id")}
            limit $5
            on conflict (job_id) do nothing
            """);
        var firstChecks = schedule.FirstChecks;
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = time.GetUtcNow().UtcDateTime });
        command.Parameters.Add(Column.Text(firstChecks, one => one.Key));
        command.Parameters.Add(new NpgsqlParameter<TimeSpan[]> { TypedValue = [.. firstChecks.Select(one => one.Value)] });
        command.Parameters.Add(new NpgsqlParameter<TimeSpan> { TypedValue = firstChecks.Max(one => one.Value) });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = ChunkSize });
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task<int> PlanFailedAsync(CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            $"""
            insert into job_checks (job_id, kind, state, next_check_at, since, attempts, failures, not_found)
            select magic_hour_id, resource, 'waiting', failed_at + $2, $1, 0, 0, 0
            from jobs
            where status = 'failed' and failed_at > $1 - $3 and not exists (select from job_checks where job_id = magic_hour_id)
                and {ErasedJob.IsNot("magic_hour_id")}
            limit $4
            on conflict (job_id) do nothing
            """);
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = time.GetUtcNow().UtcDateTime });
        command.Parameters.Add(new NpgsqlParameter<TimeSpan> { TypedValue = schedule.FailedAfter });
        command.Parameters.Add(new NpgsqlParameter<TimeSpan> { TypedValue = schedule.FailedFor });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = ChunkSize });
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Deletes the closed plans of jobs that have ended after all. The others are deleted when they are due.</summary>
    public async Task ForgetEndedAsync(CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            """
            delete from job_checks
            where state <> 'waiting'
                and not exists (select from jobs where magic_hour_id = job_checks.job_id and status in ('queued', 'rendering'))
            """);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>
    /// Finds due checks, the longest overdue first, and deletes those whose jobs have ended. Nothing is claimed, since one replica is active: if it
    /// crashes, everything that it had not recorded is due for the next one.
    /// </summary>
    /// <remarks>
    /// A failed job has one check with an answer, some time after its failure. A row from before the failure is deleted, and planned anew.
    /// </remarks>
    /// <param name="inFlight">Jobs that are being checked.</param>
    public async Task<IReadOnlyList<DueCheck>> FindDueAsync(int limit, IReadOnlyCollection<string> inFlight, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            """
            with due as materialized (
                select job_checks.*, job.status, coalesce(
                    job.status in ('queued', 'rendering') or job.status = 'failed' and attempts = 0 and job.failed_at <= $1 - $4, false) as is_open
                from job_checks
                left join lateral (select status, failed_at from jobs where magic_hour_id = job_checks.job_id offset 0) as job on true
                where state = 'waiting' and next_check_at <= $1 and job_id <> all ($3)
                order by next_check_at
                limit $2
            ),
            ended as (
                delete from job_checks where job_id = any (array(select job_id from due where not is_open))
            )
            select job_id, kind, state, next_check_at, since, attempts, failures, not_found, not_found_since, last_answer, reported, status
            from due
            where is_open
            """);
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = time.GetUtcNow().UtcDateTime });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = limit });
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. inFlight] });
        command.Parameters.Add(new NpgsqlParameter<TimeSpan> { TypedValue = schedule.FailedAfter });
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        var due = new List<DueCheck>();
        while (await rows.ReadAsync(cancellationToken))
        {
            due.Add(new DueCheck(Read(rows), Job.ParseStatus(rows.GetString(11))));
        }

        return due;
    }

    /// <summary>Stores the outcome of a check. Does nothing when the row no longer exists.</summary>
    public async Task RecordAsync(JobCheck check, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            """
            update job_checks
            set kind = $2, state = $3, next_check_at = $4, attempts = $5, failures = $6, not_found = $7, not_found_since = $8, last_answer = $9,
                reported = $10
            where job_id = $1
            """);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = check.JobId });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = check.Kind });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = check.State.Name() });
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = check.NextCheckAt.UtcDateTime });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = check.Attempts });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = check.Failures });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = check.NotFound });
        command.Parameters.Add(new NpgsqlParameter<DateTime?> { TypedValue = check.NotFoundSince?.UtcDateTime });
        command.Parameters.Add(new NpgsqlParameter<string?> { TypedValue = check.LastAnswer });
        command.Parameters.Add(new NpgsqlParameter<string?> { TypedValue = check.Reported });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static JobCheck Read(NpgsqlDataReader row) => new()
    {
        JobId = row.GetString(0),
        Kind = row.GetString(1),
        State = CheckStates.Parse(row.GetString(2)),
        NextCheckAt = row.GetFieldValue<DateTimeOffset>(3),
        Since = row.GetFieldValue<DateTimeOffset>(4),
        Attempts = row.GetInt32(5),
        Failures = row.GetInt32(6),
        NotFound = row.GetInt32(7),
        NotFoundSince = row.TimeOrNull(8),
        LastAnswer = row.TextOrNull(9),
        Reported = row.TextOrNull(10),
    };
}
