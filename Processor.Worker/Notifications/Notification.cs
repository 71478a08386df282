using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Npgsql;
using NpgsqlTypes;
using Processor.Worker.Jobs;
using Processor.Worker.Owners;
using Processor.Worker.Persistence;

namespace Processor.Worker.Notifications;

/// <summary>
/// The decision to notify the owner of a job on one channel, with its delivery status. Its primary key guarantees one notification per
/// job, outcome and channel. The row is written in the transaction that ends the job, or in that of a later registration. Content and
/// address are read when it is sent, so that a corrected address or a renewed download is used.
/// </summary>
internal sealed class Notification
{
    public required string JobId { get; init; }

    /// <summary><see cref="JobStatus.Completed"/>, <see cref="JobStatus.Failed"/> or <see cref="JobStatus.Canceled"/>.</summary>
    public required JobStatus Outcome { get; init; }

    /// <summary>The channel's name (<see cref="JobRegistration.Contacts"/>).</summary>
    public string Channel { get; init; } = "";

    public NotificationStatus Status { get; init; }

    /// <summary>Attempts started so far.</summary>
    public int Attempts { get; init; }

    public required DateTimeOffset DecidedAt { get; init; }

    /// <summary>While an attempt is in flight, the end of its lease: after that, another worker may take the row.</summary>
    public required DateTimeOffset NextAttemptAt { get; init; }

    public DateTimeOffset? DeliveredAt { get; init; }

    /// <summary>The error of the last failed attempt. No address, no secret, no third-party text.</summary>
    public string? LastError { get; init; }

    public static Notification From(JobTransition transition, DateTimeOffset now) =>
        new() { JobId = transition.JobId, Outcome = transition.Fact.Status, DecidedAt = now, NextAttemptAt = now };

    /// <summary>
    /// Inserts notifications for jobs that have just ended: one row for each channel on which their owners, if known, are registered. The
    /// caller holds the locks of the jobs (<see cref="JobLock"/>).
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

    /// <summary>Inserts notifications for a job that may have ended before its owner was registered. The caller holds its lock.</summary>
    /// <param name="endedAfter">
    /// A job that ended before is over: its notifications may have been dropped since, and would be sent again. Null for no limit.
    /// </param>
    public static NpgsqlBatchCommand DecideFor(string jobId, DateTimeOffset now, DateTimeOffset? endedAfter) => new(
        $"""
        insert into notifications (job_id, outcome, channel, status, attempts, decided_at, next_attempt_at)
        select jobs.magic_hour_id, jobs.status, contact.channel, 'pending', 0, $2, $2
        from jobs
        join job_registrations as registration on registration.job_id = jobs.magic_hour_id
        {JobRegistration.Contacts}
        where jobs.magic_hour_id = $1 and jobs.status in ('completed', 'failed', 'canceled') and contact.address is not null
            and ($3 is null or coalesce(greatest(jobs.completed_at, jobs.failed_at, jobs.canceled_at), jobs.updated_at) >= $3)
        on conflict do nothing
        """)
    {
        Parameters =
        {
            new NpgsqlParameter<string> { TypedValue = jobId },
            new NpgsqlParameter<DateTime> { TypedValue = now.UtcDateTime },
            new NpgsqlParameter<DateTime?> { TypedValue = endedAfter?.UtcDateTime, NpgsqlDbType = NpgsqlDbType.TimestampTz },
        },
    };

    internal sealed class Mapping : IEntityTypeConfiguration<Notification>
    {
        public void Configure(EntityTypeBuilder<Notification> builder)
        {
            builder.ToTable("notifications", table =>
            {
                table.HasCheckConstraint("notifications_outcome", "outcome in ('completed', 'failed', 'canceled')");
                table.HasCheckConstraint("notifications_status", "status in ('pending', 'sending', 'delivered', 'superseded', 'parked')");
            });
            builder.HasKey(row => new { row.JobId, row.Outcome, row.Channel }).HasName("notifications_pkey");
            builder.HasIndex(row => new { row.Channel, row.NextAttemptAt }).HasDatabaseName("notifications_due")
                .HasFilter("status in ('pending', 'sending')");
            // Parked rows are few, and the metrics count them.
            builder.HasIndex(row => row.DecidedAt, "notifications_parked").HasFilter("status = 'parked'");
            // Those that expire. An entry is made when a notification is delivered, and not by an event.
            builder.HasIndex(row => row.DecidedAt, "notifications_settled").HasFilter("status in ('delivered', 'superseded')");
            builder.Property(row => row.JobId).HasColumnName("job_id");
            builder.Property(row => row.Outcome).HasColumnName("outcome")
                .HasConversion(outcome => Job.StatusText(outcome), text => Job.ParseStatus(text));
            builder.Property(row => row.Channel).HasColumnName("channel");
            builder.Property(row => row.Status).HasColumnName("status")
                .HasConversion(status => status.Name(), text => NotificationStatuses.Parse(text));
            builder.Property(row => row.Attempts).HasColumnName("attempts");
            builder.Property(row => row.DecidedAt).HasColumnName("decided_at");
            builder.Property(row => row.NextAttemptAt).HasColumnName("next_attempt_at");
            builder.Property(row => row.DeliveredAt).HasColumnName("delivered_at");
            builder.Property(row => row.LastError).HasColumnName("last_error");
        }
    }
}

/// <summary>The delivery status of a notification.</summary>
internal enum NotificationStatus
{
    /// <summary>Due for its next attempt at <c>next_attempt_at</c>.</summary>
    Pending,

    /// <summary>An attempt is in flight, or its process crashed.</summary>
    Sending,

    Delivered,

    /// <summary>Not sent, because it is out of date: the job has completed after all.</summary>
    Superseded,

    /// <summary>Given up; an operator must look at it.</summary>
    Parked,
}

internal static class NotificationStatuses
{
    /// <summary>Parses the result of <see cref="Name"/>.</summary>
    /// <exception cref="NewerVersionException">A newer version wrote it.</exception>
    public static NotificationStatus Parse(string text) =>
        Enum.TryParse<NotificationStatus>(text, ignoreCase: true, out var status) ? status : throw new NewerVersionException("a notification's status");

    /// <summary>The name in the table and the metrics.</summary>
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
