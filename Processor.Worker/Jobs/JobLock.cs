using Npgsql;
using Processor.Worker.Persistence;

namespace Processor.Worker.Jobs;

/// <summary>
/// Serialises transactions per job, across all workers. Without it, two events of one job that commit at the same moment would not see
/// each other, and the later upsert would overwrite the earlier one.
/// </summary>
/// <remarks>
/// PostgreSQL's shared lock table has room for 64 locks per allowed connection (<c>max_locks_per_transaction</c>). A small group fits into
/// its own connection's share. A larger one, of at most <see cref="MostJobs"/>, also uses the share of other connections, so only two of
/// them run at a time: 1024 locks in all, whatever the number of workers, and 20 connections provide 1280.
/// </remarks>
internal static class JobLock
{
    /// <summary>Maximum number of jobs in one transaction.</summary>
    public const int MostJobs = 512;

    /// <summary>Maximum number of jobs in one transaction without a permit. The other half of a connection's share is for tables and indexes.</summary>
    public const int MostWithoutPermit = 32;

    /// <summary>Separates these locks from those of other programs on the same database.</summary>
    private const int Space = 0x6A6F62;

    private const int PermitSpace = Space + 1;

    /// <summary>
    /// Waits until no other transaction holds any of the jobs; released at the end of the transaction. Locks are taken in a fixed order, so
    /// that two groups cannot deadlock. Two ids with the same hash share a lock, which is harmless.
    /// </summary>
    /// <param name="jobIds">At most <see cref="MostJobs"/>.</param>
    public static NpgsqlBatchCommand Acquire(IReadOnlyList<string> jobIds)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(jobIds.Count, MostJobs);
        return new NpgsqlBatchCommand(
            """
            with permit as materialized (
                -- The first if it is free, else the second: a process that was halted with one of them does not hold up the others.
                select case when $1 and not pg_try_advisory_xact_lock($2, 1) then pg_advisory_xact_lock($2, 2) end)
            select pg_advisory_xact_lock($3, hash)
            -- There is nothing to sort before the permit is there.
            from (select distinct hashtext(job_id) as hash from permit cross join unnest($4) as job_id order by hash) as locks
            """)
        {
            Parameters =
            {
                new NpgsqlParameter<bool> { TypedValue = jobIds.Count > MostWithoutPermit },
                new NpgsqlParameter<int> { TypedValue = PermitSpace },
                new NpgsqlParameter<int> { TypedValue = Space },
                Column.Text(jobIds, jobId => jobId),
            },
        };
    }

    /// <summary>
    /// Takes the locks that are free, and returns the ids of those jobs. It never waits, so that its caller blocks no group behind another.
    /// </summary>
    /// <param name="jobIds">At most <see cref="MostWithoutPermit"/>.</param>
    public static NpgsqlBatchCommand TryAcquire(IReadOnlyList<string> jobIds)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(jobIds.Count, MostWithoutPermit);
        return new NpgsqlBatchCommand("select job_id from unnest($1) as job_id where pg_try_advisory_xact_lock($2, hashtext(job_id))")
        {
            Parameters = { Column.Text(jobIds, jobId => jobId), new NpgsqlParameter<int> { TypedValue = Space } },
        };
    }
}
