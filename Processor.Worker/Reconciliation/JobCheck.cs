using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Processor.Worker.Jobs;
using Processor.Worker.Persistence;

namespace Processor.Worker.Reconciliation;

/// <summary>
/// The plan to look up a job that has not ended, or that has failed. The row is deleted when it is due after the end of the job; that of a failed
/// job, a day after its check.
/// </summary>
internal sealed record JobCheck
{
    public required string JobId { get; init; }

    /// <summary>One of <see cref="MagicHourApi.Kinds"/>: the path of the API. Of a job without events, only claimed by its registration.</summary>
    public required string Kind { get; init; }

    public required CheckState State { get; init; }

    public required DateTimeOffset NextCheckAt { get; init; }

    /// <summary>When the plan was made; its lifetime counts from then, so that a job found after an outage is checked in full.</summary>
    public required DateTimeOffset Since { get; init; }

    /// <summary>Checks with an answer.</summary>
    public int Attempts { get; init; }

    /// <summary>Checks without one, since the last answer.</summary>
    public int Failures { get; init; }

    /// <summary>Checks that did not find the job, without any other answer in between.</summary>
    public int NotFound { get; init; }

    /// <summary>The first of these.</summary>
    public DateTimeOffset? NotFoundSince { get; init; }

    /// <summary>The last answer (<see cref="FindingKinds.Name"/>). Null before the first.</summary>
    public string? LastAnswer { get; init; }

    /// <summary>The type of the last event that was published about the job. Null when none was.</summary>
    public string? Reported { get; init; }

    internal sealed class Mapping : IEntityTypeConfiguration<JobCheck>
    {
        public void Configure(EntityTypeBuilder<JobCheck> builder)
        {
            builder.ToTable("job_checks", table => table.HasCheckConstraint("job_checks_state", "state in ('waiting', 'given_up', 'parked')"));
            builder.HasKey(row => row.JobId).HasName("job_checks_pkey");
            builder.HasIndex(row => row.NextCheckAt).HasDatabaseName("job_checks_due").HasFilter("state = 'waiting'");
            // Few rows, which the metrics count.
            builder.HasIndex(row => row.State).HasDatabaseName("job_checks_closed").HasFilter("state <> 'waiting'");
            builder.Property(row => row.JobId).HasColumnName("job_id");
            builder.Property(row => row.Kind).HasColumnName("kind");
            builder.Property(row => row.State).HasColumnName("state")
                .HasConversion(state => state.Name(), text => CheckStates.Parse(text));
            builder.Property(row => row.NextCheckAt).HasColumnName("next_check_at");
            builder.Property(row => row.Since).HasColumnName("since");
            builder.Property(row => row.Attempts).HasColumnName("attempts");
            builder.Property(row => row.Failures).HasColumnName("failures");
            builder.Property(row => row.NotFound).HasColumnName("not_found");
            builder.Property(row => row.NotFoundSince).HasColumnName("not_found_since");
            builder.Property(row => row.LastAnswer).HasColumnName("last_answer");
            builder.Property(row => row.Reported).HasColumnName("reported");
        }
    }
}

/// <summary>A due check.</summary>
/// <param name="Status">The status of the job.</param>
internal sealed record DueCheck(JobCheck Check, JobStatus Status)
{
    /// <summary>Only a registration names the kind, and it may be wrong.</summary>
    public bool IsKindClaimed => Status is JobStatus.Queued;
}

/// <summary>The state of the plan.</summary>
internal enum CheckState
{
    Waiting,

    /// <summary>48 hours without an end.</summary>
    GivenUp,

    /// <summary>The API does not accept the id.</summary>
    Parked,
}

internal static class CheckStates
{
    /// <summary>Parses the result of <see cref="Name"/>.</summary>
    /// <exception cref="NewerVersionException">A newer version wrote it.</exception>
    public static CheckState Parse(string text) => text switch
    {
        "waiting" => CheckState.Waiting,
        "given_up" => CheckState.GivenUp,
        "parked" => CheckState.Parked,
        _ => throw new NewerVersionException("the state of a check"),
    };

    /// <summary>The name in the table and in <c>GET /jobs/{id}</c>.</summary>
    public static string Name(this CheckState state) => state switch
    {
        CheckState.Waiting => "waiting",
        CheckState.GivenUp => "given_up",
        CheckState.Parked => "parked",
        _ => throw new ArgumentOutOfRangeException(nameof(state), state, null),
    };
}
