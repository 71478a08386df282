using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Npgsql;
using Processor.Worker.Jobs;
using Processor.Worker.Persistence;
using Processor.Worker.Registration;

namespace Processor.Worker.Notifications;

/// <summary>
/// That the owner of a job is to be told of its end by one channel, and what has come of it. The key is the judge of "once"; the decision
/// is a row of the transaction that ended the job, or of the registration that came later. What is told, and where to, is read when it is
/// sent: an address that was corrected meanwhile, or a download that was renewed, counts.
/// </summary>
internal sealed class Notification
{
    public required string JobId { get; init; }

    /// <summary><see cref="JobStatus.Completed"/> or <see cref="JobStatus.Failed"/>.</summary>
    public required JobStatus Outcome { get; init; }

    /// <summary>The name of a channel (<see cref="JobRegistration.Contacts"/>).</summary>
    public string Channel { get; init; } = "";

    public NotificationStatus Status { get; init; }

    /// <summary>How often it was begun to send it.</summary>
    public int Attempts { get; init; }

    public required DateTimeOffset DecidedAt { get; init; }

    /// <summary>While it is being sent: when somebody else may take it for left behind.</summary>
    public required DateTimeOffset NextAttemptAt { get; init; }

    public DateTimeOffset? DeliveredAt { get; init; }

    /// <summary>What became of the last attempt that failed. No address, no secret, nothing that a stranger chose.</summary>
    public string? LastError { get; init; }

    public static Notification Of(JobTransition transition, DateTimeOffset now) =>
        new() { JobId = transition.JobId, Outcome = transition.Fact.Status, DecidedAt = now, NextAttemptAt = now };

    /// <summary>
    /// Decides for jobs that have just ended: a row for each channel by which their owners, as far as they are known, are told. The caller
    /// holds the locks of the jobs (<see cref="JobLock"/>).
    /// </summary>
    public static NpgsqlBatchCommand Decide(IReadOnlyList<Notification> rows) => new(
        $"""
        insert into notifications (job_id, outcome, channel, status, attempts, decided_at, next_attempt_at)
        select ended.job_id, ended.outcome, contact.channel, 'pending', 0, ended.decided_at, ended.decided_at
        from unnest($1, $2, $3) as ended (job_id, outcome, decided_at)
        -- "offset 0": row by row. As a join, it would read the whole table for each group until that is very large.
        cross join lateral (select * from job_registrations where job_id = ended.job_id offset 0) as registration
        {JobRegistration.Contacts}
        where contact.address is not null
        on conflict do nothing
        """)
    {
        Parameters =
        {
            Column.Text(rows, row => row.JobId),
            Column.Text(rows, row => Job.StatusText(row.Outcome)),
            Column.Time(rows, row => row.DecidedAt),
        },
    };

    /// <summary>Decides for a job that may have ended before its owner was known. The caller holds its lock.</summary>
    public static NpgsqlBatchCommand DecideFor(string jobId, DateTimeOffset now) => new(
        $"""
        insert into notifications (job_id, outcome, channel, status, attempts, decided_at, next_attempt_at)
        select jobs.magic_hour_id, jobs.status, contact.channel, 'pending', 0, $2, $2
        from jobs
        join job_registrations as registration on registration.job_id = jobs.magic_hour_id
        {JobRegistration.Contacts}
        where jobs.magic_hour_id = $1 and jobs.status in ('completed', 'failed') and contact.address is not null
        on conflict do nothing
        """)
    {
        Parameters = { new NpgsqlParameter<string> { TypedValue = jobId }, new NpgsqlParameter<DateTime> { TypedValue = now.UtcDateTime } },
    };

    internal sealed class Mapping : IEntityTypeConfiguration<Notification>
    {
        public void Configure(EntityTypeBuilder<Notification> builder)
        {
            builder.ToTable("notifications", table =>
            {
                table.HasCheckConstraint("notifications_outcome", "outcome in ('completed', 'failed')");
                table.HasCheckConstraint("notifications_status", "status in ('pending', 'sending', 'delivered', 'superseded', 'parked')");
            });
            builder.HasKey(row => new { row.JobId, row.Outcome, row.Channel }).HasName("notifications_pkey");
            builder.HasIndex(row => new { row.Channel, row.NextAttemptAt }).HasDatabaseName("notifications_due")
                .HasFilter("status in ('pending', 'sending')");
            // Few among all that were ever told, and counted for the metrics.
            builder.HasIndex(row => row.DecidedAt).HasDatabaseName("notifications_parked").HasFilter("status = 'parked'");
            builder.Property(row => row.JobId).HasColumnName("job_id");
            builder.Property(row => row.Outcome).HasColumnName("outcome")
                .HasConversion(outcome => Job.StatusText(outcome), text => Job.ParseStatus(text));
            builder.Property(row => row.Channel).HasColumnName("channel");
            builder.Property(row => row.Status).HasColumnName("status")
                .HasConversion(status => status.Name(), text => Enum.Parse<NotificationStatus>(text, ignoreCase: true));
            builder.Property(row => row.Attempts).HasColumnName("attempts");
            builder.Property(row => row.DecidedAt).HasColumnName("decided_at");
            builder.Property(row => row.NextAttemptAt).HasColumnName("next_attempt_at");
            builder.Property(row => row.DeliveredAt).HasColumnName("delivered_at");
            builder.Property(row => row.LastError).HasColumnName("last_error");
        }
    }
}

/// <summary>What has become of a notification.</summary>
internal enum NotificationStatus
{
    /// <summary>Waits for its next attempt.</summary>
    Pending,

    /// <summary>Is being sent, or was when its process died.</summary>
    Sending,

    Delivered,

    /// <summary>Not sent, because what it says is no longer true: the job has completed after all.</summary>
    Superseded,

    /// <summary>Given up, for a person to look at.</summary>
    Parked,
}

internal static class NotificationStatuses
{
    /// <summary>As the table and the metrics call it.</summary>
    public static string Name(this NotificationStatus status) => status switch
    {
        NotificationStatus.Pending => "pending",
        NotificationStatus.Sending => "sending",
        NotificationStatus.Delivered => "delivered",
        NotificationStatus.Superseded => "superseded",
        NotificationStatus.Parked => "parked",
        _ => throw new ArgumentOutOfRangeException(nameof(status), status, null),
    };
}
