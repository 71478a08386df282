using Npgsql;
using Processor.Worker.Persistence;

namespace Processor.Worker.Jobs;

/// <summary>
/// One transaction at a time per job, over all workers: two events of one job that are committed at the same moment must see each
/// other, or the later upsert would hide the earlier one.
/// </summary>
internal static class JobLock
{
    /// <summary>Tells our locks from those of other programs on the same database.</summary>
    private const int Space = 0x6A6F62;

    /// <summary>
    /// Waits until the jobs are ours; ends with the transaction. Always in the same order, so that two groups cannot wait for each
    /// other. Two ids with the same hash only wait needlessly.
    /// </summary>
    public static NpgsqlBatchCommand Acquire(IReadOnlyList<string> jobIds) => new(
        """
        select pg_advisory_xact_lock($1, hash)
        from (select distinct hashtext(job_id) as hash from unnest($2) as job_id order by hash) as locks
        """)
    {
        Parameters = { new NpgsqlParameter<int> { TypedValue = Space }, Column.Text(jobIds, jobId => jobId) },
    };
}
