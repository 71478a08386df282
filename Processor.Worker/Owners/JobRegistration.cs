using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Npgsql;
using Platform.Contracts;
using Processor.Worker.Jobs;

namespace Processor.Worker.Owners;

/// <summary>
/// The owner of a job and the addresses for notifications. In its own table, because <c>jobs</c> is computed from events alone and only
/// they write it; the two are joined when a notification is sent.
/// </summary>
internal sealed class JobRegistration
{
    /// <summary>
    /// SQL for a query with <c>job_registrations as registration</c>: a row <c>contact (channel, address)</c> for each channel.
    /// To add a channel: a line here, and a column.
    /// </summary>
    public const string Contacts =
        """
        cross join lateral (values
            ('email', registration.email),
            ('webhook', registration.webhook_url)
        ) as contact (channel, address)
        """;

    // Two kinds of registrations have no verified identity: those stored before registrants were, and those from messages without a broker
    // user. Both may be updated by anyone who names the job's user: a service that only has the job's id, from a domain event, cannot.
    private const string IsByRegistrant =
        $"""
        (case coalesce(job_registrations.registered_by, '{Registrant.AnonymousIdentity}')
            when '{Registrant.AnonymousIdentity}' then job_registrations.user_id = $2
            else job_registrations.registered_by = any ($1)
        end)
        """;

    public required string JobId { get; init; }

    public required string Resource { get; init; }

    public required string UserId { get; init; }

    public string? Email { get; init; }

    public string? WebhookUrl { get; init; }

    /// <summary>When the application decided this, by its own clock; the latest registration wins.</summary>
    public required DateTimeOffset RegisteredAt { get; init; }

    /// <summary>The identity that may update this registration (<see cref="Registrant"/>). Null in rows older than this column.</summary>
    public string? RegisteredBy { get; init; }

    /// <summary>Upserts, unless the job is erased, or a newer or another identity's registration exists. The caller holds <see cref="Jobs.JobLock"/>.</summary>
    /// <param name="now">Caps <c>registered_at</c>: a client whose clock is ahead must not win until that time.</param>
    public static NpgsqlBatchCommand Save(RegisterJob registration, Registrant registrant, DateTimeOffset now) => new(
        $"""
        insert into job_registrations (registered_by, user_id, job_id, resource, email, webhook_url, registered_at)
        select ($1)[1], $2, $3, $4, $5, $6, least($7, $8) where {ErasedJob.IsNot("$3")}
        on conflict (job_id) do update set
            resource = excluded.resource, user_id = excluded.user_id, email = excluded.email, webhook_url = excluded.webhook_url,
            registered_at = excluded.registered_at, registered_by = excluded.registered_by
        where job_registrations.registered_at <= excluded.registered_at and {IsByRegistrant}
        """)
    {
        Parameters =
        {
            new NpgsqlParameter<string[]> { TypedValue = [registrant.Identity, .. registrant.Formerly] },
            new NpgsqlParameter<string> { TypedValue = registration.UserId },
            new NpgsqlParameter<string> { TypedValue = registration.JobId },
            new NpgsqlParameter<string> { TypedValue = registration.Resource },
            new NpgsqlParameter<string?> { TypedValue = registration.Email },
            new NpgsqlParameter<string?> { TypedValue = registration.WebhookUrl },
            new NpgsqlParameter<DateTime> { TypedValue = registration.RegisteredAt.UtcDateTime },
            new NpgsqlParameter<DateTime> { TypedValue = now.UtcDateTime },
        },
    };

    /// <summary>
    /// Writes the owner into <c>jobs</c>. A job without events is created as <c>queued</c>; for any other, only the owner and, if earlier,
    /// <c>created_at</c> change. No row changes when another identity has registered the job.
    /// </summary>
    public static NpgsqlBatchCommand ShowInJob(RegisterJob registration, Registrant registrant, DateTimeOffset now) => new(
        $"""
        insert into jobs (magic_hour_id, resource, status, user_id, created_at, updated_at)
        select job_id, resource, 'queued', user_id, least($4, $5), registered_at from job_registrations where job_id = $3 and {IsByRegistrant}
        on conflict (magic_hour_id) do update set
            user_id = excluded.user_id,
            created_at = least(jobs.created_at, excluded.created_at),
            resource = case when jobs.status = 'queued' then excluded.resource else jobs.resource end,
            updated_at = case when jobs.status = 'queued' then excluded.updated_at else jobs.updated_at end
        """)
    {
        Parameters =
        {
            new NpgsqlParameter<string[]> { TypedValue = [registrant.Identity, .. registrant.Formerly] },
            new NpgsqlParameter<string> { TypedValue = registration.UserId },
            new NpgsqlParameter<string> { TypedValue = registration.JobId },
            new NpgsqlParameter<DateTime> { TypedValue = registration.RegisteredAt.UtcDateTime },
            new NpgsqlParameter<DateTime> { TypedValue = now.UtcDateTime },
        },
    };

    internal sealed class Mapping : IEntityTypeConfiguration<JobRegistration>
    {
        public void Configure(EntityTypeBuilder<JobRegistration> builder)
        {
            builder.ToTable("job_registrations");
            builder.HasKey(row => row.JobId).HasName("job_registrations_pkey");
            builder.Property(row => row.JobId).HasColumnName("job_id");
            builder.Property(row => row.Resource).HasColumnName("resource");
            builder.Property(row => row.UserId).HasColumnName("user_id");
            builder.Property(row => row.Email).HasColumnName("email");
            builder.Property(row => row.WebhookUrl).HasColumnName("webhook_url");
            builder.Property(row => row.RegisteredAt).HasColumnName("registered_at");
            builder.Property(row => row.RegisteredBy).HasColumnName("registered_by");
        }
    }
}
