using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Npgsql;
using Platform.Contracts;

namespace Processor.Worker.Registration;

/// <summary>
/// Whose job it is and how they want to be told. In a table of its own, because <c>jobs</c> is made of events alone and is written by
/// them; the two are joined where somebody is told.
/// </summary>
internal sealed class JobRegistration
{
    /// <summary>
    /// In a query with <c>job_registrations as registration</c>: a row <c>contact (channel, address)</c> for each way of telling the owner.
    /// To add a channel: a line here, and a column.
    /// </summary>
    public const string Contacts =
        """
        cross join lateral (values
            ('email', registration.email),
            ('webhook', registration.webhook_url)
        ) as contact (channel, address)
        """;

    public required string JobId { get; init; }

    public required string Resource { get; init; }

    public required string UserId { get; init; }

    public string? Email { get; init; }

    public string? WebhookUrl { get; init; }

    /// <summary>When it was decided, by the clock of whoever registered; the greatest is kept.</summary>
    public required DateTimeOffset RegisteredAt { get; init; }

    /// <summary>Keeps a registration unless a newer one is known. The caller holds the job's lock (<see cref="Jobs.JobLock"/>).</summary>
    /// <param name="now">A clock that is ahead of ours must not win for as long as it is ahead.</param>
    public static NpgsqlBatchCommand Save(RegisterJob registration, DateTimeOffset now) => new(
        """
        insert into job_registrations (job_id, resource, user_id, email, webhook_url, registered_at)
        values ($1, $2, $3, $4, $5, least($6, $7))
        on conflict (job_id) do update set
            resource = excluded.resource, user_id = excluded.user_id, email = excluded.email, webhook_url = excluded.webhook_url,
            registered_at = excluded.registered_at
        where job_registrations.registered_at <= excluded.registered_at
        """)
    {
        Parameters =
        {
            new NpgsqlParameter<string> { TypedValue = registration.JobId },
            new NpgsqlParameter<string> { TypedValue = registration.Resource },
            new NpgsqlParameter<string> { TypedValue = registration.UserId },
            new NpgsqlParameter<string?> { TypedValue = registration.Email },
            new NpgsqlParameter<string?> { TypedValue = registration.WebhookUrl },
            new NpgsqlParameter<DateTime> { TypedValue = registration.RegisteredAt.UtcDateTime },
            new NpgsqlParameter<DateTime> { TypedValue = now.UtcDateTime },
        },
    };

    /// <summary>
    /// Lets the job show its owner: a job without an event yet is <c>queued</c>, and of any other only the owner changes, and the time
    /// from which it is known.
    /// </summary>
    public static NpgsqlBatchCommand ShowInJob(RegisterJob registration, DateTimeOffset now) => new(
        """
        insert into jobs (magic_hour_id, resource, status, user_id, created_at, updated_at)
        select job_id, resource, 'queued', user_id, least($2, $3), registered_at from job_registrations where job_id = $1
        on conflict (magic_hour_id) do update set
            user_id = excluded.user_id,
            created_at = least(jobs.created_at, excluded.created_at),
            resource = case when jobs.status = 'queued' then excluded.resource else jobs.resource end,
            updated_at = case when jobs.status = 'queued' then excluded.updated_at else jobs.updated_at end
        """)
    {
        Parameters =
        {
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
        }
    }
}
