using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Npgsql;
using Processor.Worker.Persistence;

namespace Processor.Worker.Jobs;

/// <summary>
/// The tombstone of a job whose data was erased: its events, registrations and checks have no effect from then on, and nothing of them is stored. It
/// keeps the id, by which a retry is recognised, permanently.
/// </summary>
internal sealed class ErasedJob
{
    public required string JobId { get; init; }

    /// <summary>When it was erased first.</summary>
    public required DateTimeOffset ErasedAt { get; init; }

    /// <summary>The erased ones among these jobs. The caller holds their locks (<see cref="JobLock"/>): none is erased until its transaction ends.</summary>
    public static NpgsqlBatchCommand SelectAmong(IReadOnlyList<string> jobIds) => new("select job_id from erased_jobs where job_id = any($1)")
    {
        Parameters = { Column.Text(jobIds, jobId => jobId) },
    };

    /// <summary>SQL that is true unless the job is erased.</summary>
    /// <param name="jobId">SQL of its id; a column with the name of its table.</param>
    public static string IsNot(string jobId) => $"not exists (select from erased_jobs where erased_jobs.job_id = {jobId})";

    /// <summary>
    /// Erases a job under its lock, or the remains of an erased one: a row <c>(erased_at, removed)</c> with the time of the first erasure and the
    /// number of rows that were deleted or blanked now. No row when nothing is known of the job.
    /// </summary>
    public static NpgsqlBatchCommand Erase(string jobId, DateTimeOffset now) => new("select erased_at, removed from erase_job($1, $2)")
    {
        Parameters = { new NpgsqlParameter<string> { TypedValue = jobId }, new NpgsqlParameter<DateTime> { TypedValue = now.UtcDateTime } },
    };

    internal sealed class Mapping : IEntityTypeConfiguration<ErasedJob>
    {
        public void Configure(EntityTypeBuilder<ErasedJob> builder)
        {
            builder.ToTable("erased_jobs");
            builder.HasKey(row => row.JobId).HasName("erased_jobs_pkey");
            builder.Property(row => row.JobId).HasColumnName("job_id");
            builder.Property(row => row.ErasedAt).HasColumnName("erased_at");
        }
    }
}
