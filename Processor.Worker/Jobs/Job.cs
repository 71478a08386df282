using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Npgsql;
using Processor.Worker.Persistence;

namespace Processor.Worker.Jobs;

/// <summary>
/// The state of a job: a pure function of the set of its events, whatever their order (<see cref="From"/>). Every
/// <c>*_at</c> is the time at which an event was received.
/// </summary>
internal sealed record Job
{
    private static readonly JobStatus[] StatusOrder = Enum.GetValues<JobStatus>();

    public required string MagicHourId { get; init; }

    /// <summary><c>video</c>, <c>image</c> or <c>audio</c>.</summary>
    public required string Resource { get; init; }

    public required JobStatus Status { get; init; }

    public string? ProjectType { get; init; }

    public string? Name { get; init; }

    /// <summary>The owner's user id. Set by registration: events do not carry it.</summary>
    public string? UserId { get; init; }

    /// <summary>The first download's URL.</summary>
    public string? DownloadUrl { get; init; }

    /// <summary>Every download: <c>[{"url", "expires_at"}]</c>. Null until the job has completed.</summary>
    public string? Downloads { get; init; }

    /// <summary>The sender offered more downloads than are kept (<see cref="JobLimits"/>); <c>webhook_bodies</c> has all of them.</summary>
    public bool DownloadsCut { get; init; }

    /// <summary>The earliest expiry of the downloads. Null when none has one (<see cref="DownloadExpiry"/>).</summary>
    public DateTimeOffset? DownloadExpiresAt { get; init; }

    public string? ErrorCode { get; init; }

    public string? ErrorMessage { get; init; }

    public long? CreditsCharged { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? CompletedAt { get; init; }

    public DateTimeOffset? FailedAt { get; init; }

    public DateTimeOffset? CanceledAt { get; init; }

    /// <summary>When the project was first reported as deleted. Null when it was not.</summary>
    public DateTimeOffset? DeletedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }

    /// <summary>
    /// Computes a job from its facts, one for each event. The highest status wins, and so do the fields of its event; events of a lower
    /// status only fill fields that the higher ones leave empty.
    /// </summary>
    /// <param name="facts">At least one, in any order.</param>
    public static Job From(string jobId, IEnumerable<JobFact> facts)
    {
        JobFact[] byWeight = [.. facts];
        Array.Sort(byWeight, ByWeight);
        var completed = Array.Find(byWeight, fact => fact.Status is JobStatus.Completed);
        var failed = Array.Find(byWeight, fact => fact.Status is JobStatus.Failed);
        var canceled = Array.Find(byWeight, fact => fact.Status is JobStatus.Canceled);
        var started = Array.Find(byWeight, fact => fact.Status is JobStatus.Rendering);
        var downloads = completed?.Downloads;

        return new Job
        {
            MagicHourId = jobId,
            Resource = byWeight[0].Resource,
            Status = byWeight[0].Status,
            ProjectType = First(byWeight, fact => fact.ProjectType),
            Name = First(byWeight, fact => fact.Name),
            CreditsCharged = First(byWeight, fact => fact.CreditsCharged),
            DownloadUrl = downloads is [var first, ..] ? first.Url : null,
            Downloads = downloads is null ? null : VisibleDownload.ToJson(downloads),
            DownloadsCut = completed?.IsCut is true,
            DownloadExpiresAt = downloads?.Min(download => download.Expiry),
            ErrorCode = failed?.ErrorCode,
            ErrorMessage = failed?.ErrorMessage,
            CreatedAt = byWeight.Min(fact => fact.ReceivedAt),
            StartedAt = started?.ReceivedAt,
            CompletedAt = completed?.ReceivedAt,
            FailedAt = failed?.ReceivedAt,
            CanceledAt = canceled?.ReceivedAt,
            DeletedAt = byWeight.Min(fact => fact.DeletedAt),
            UpdatedAt = byWeight.Max(fact => fact.ReceivedAt),
        };
    }

    /// <summary>
    /// Upserts the current state of jobs. The caller holds their locks (<see cref="JobLock"/>). A status is never lowered, even if a newer
    /// version wrote it.
    /// </summary>
    public static NpgsqlBatchCommand Upsert(IReadOnlyList<Job> jobs) => new(
        """
        insert into jobs (magic_hour_id, resource, status, project_type, name, download_url, downloads, error_code, error_message,
                          credits_charged, created_at, started_at, completed_at, failed_at, updated_at, download_expires_at,
                          downloads_cut, canceled_at, deleted_at)
        select * from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $18, $19, $20)
        on conflict (magic_hour_id) do update set
            resource = excluded.resource,
            status = case when array_position($17, excluded.status) > array_position($17, jobs.status) then excluded.status else jobs.status end,
            project_type = excluded.project_type, name = excluded.name,
            download_url = excluded.download_url, downloads = excluded.downloads, error_code = excluded.error_code,
            error_message = excluded.error_message, credits_charged = excluded.credits_charged, created_at = least(jobs.created_at, excluded.created_at),
            started_at = excluded.started_at, completed_at = excluded.completed_at, failed_at = excluded.failed_at,
            updated_at = excluded.updated_at, download_expires_at = excluded.download_expires_at,
            downloads_cut = excluded.downloads_cut, canceled_at = excluded.canceled_at, deleted_at = excluded.deleted_at
        """)
    {
        Parameters =
        {
            Column.Text(jobs, job => job.MagicHourId),
            Column.Text(jobs, job => job.Resource),
            Column.Text(jobs, job => StatusText(job.Status)),
            Column.Text(jobs, job => job.ProjectType),
            Column.Text(jobs, job => job.Name),
            Column.Text(jobs, job => job.DownloadUrl),
            Column.Json(jobs, job => job.Downloads),
            Column.Text(jobs, job => job.ErrorCode),
            Column.Text(jobs, job => job.ErrorMessage),
            Column.Bigint(jobs, job => job.CreditsCharged),
            Column.Time(jobs, job => job.CreatedAt),
            Column.Time(jobs, job => job.StartedAt),
            Column.Time(jobs, job => job.CompletedAt),
            Column.Time(jobs, job => job.FailedAt),
            Column.Time(jobs, job => job.UpdatedAt),
            Column.Time(jobs, job => job.DownloadExpiresAt),
            Column.Text(StatusOrder, StatusText),
            Column.Boolean(jobs, job => job.DownloadsCut),
            Column.Time(jobs, job => job.CanceledAt),
            Column.Time(jobs, job => job.DeletedAt),
        },
    };

    /// <summary>The name in the tables.</summary>
    public static string StatusText(JobStatus status) => status switch
    {
        JobStatus.Queued => "queued",
        JobStatus.Rendering => "rendering",
        JobStatus.Canceled => "canceled",
        JobStatus.Failed => "failed",
        JobStatus.Completed => "completed",
        _ => throw new ArgumentOutOfRangeException(nameof(status), status, null),
    };

    /// <summary>Parses the result of <see cref="StatusText"/>.</summary>
    /// <exception cref="NewerVersionException">A newer version wrote it.</exception>
    public static JobStatus ParseStatus(string text) =>
        Enum.TryParse<JobStatus>(text, ignoreCase: true, out var status) ? status : throw new NewerVersionException("a status");

    private static int ByWeight(JobFact one, JobFact other)
    {
        var order = other.Status.CompareTo(one.Status);
        order = order != 0 ? order : one.ReceivedAt.CompareTo(other.ReceivedAt);
        return order != 0 ? order : string.CompareOrdinal(one.Resource, other.Resource);
    }

    private static T? First<T>(JobFact[] byWeight, Func<JobFact, T?> field)
    {
        foreach (var fact in byWeight)
        {
            if (field(fact) is { } value)
            {
                return value;
            }
        }

        return default;
    }

    internal sealed class Mapping : IEntityTypeConfiguration<Job>
    {
        public void Configure(EntityTypeBuilder<Job> builder)
        {
            builder.ToTable("jobs", table => table.HasCheckConstraint(
                "jobs_status", "status in ('queued', 'rendering', 'canceled', 'failed', 'completed')"));
            builder.HasKey(job => job.MagicHourId).HasName("jobs_pkey");
            builder.Property(job => job.MagicHourId).HasColumnName("magic_hour_id");
            builder.Property(job => job.Resource).HasColumnName("resource");
            builder.Property(job => job.Status).HasColumnName("status")
                .HasConversion(status => StatusText(status), text => ParseStatus(text));
            builder.Property(job => job.ProjectType).HasColumnName("project_type");
            builder.Property(job => job.Name).HasColumnName("name");
            builder.Property(job => job.UserId).HasColumnName("user_id");
            builder.Property(job => job.DownloadUrl).HasColumnName("download_url");
            builder.Property(job => job.Downloads).HasColumnName("downloads").HasColumnType("jsonb");
            builder.Property(job => job.ErrorCode).HasColumnName("error_code");
            builder.Property(job => job.ErrorMessage).HasColumnName("error_message");
            builder.Property(job => job.CreditsCharged).HasColumnName("credits_charged");
            builder.Property(job => job.CreatedAt).HasColumnName("created_at");
            builder.Property(job => job.StartedAt).HasColumnName("started_at");
            builder.Property(job => job.CompletedAt).HasColumnName("completed_at");
            builder.Property(job => job.FailedAt).HasColumnName("failed_at");
            builder.Property(job => job.CanceledAt).HasColumnName("canceled_at");
            builder.Property(job => job.DeletedAt).HasColumnName("deleted_at");
            builder.Property(job => job.UpdatedAt).HasColumnName("updated_at");
            builder.Property(job => job.DownloadsCut).HasColumnName("downloads_cut").HasDefaultValue(false);
            builder.Property(job => job.DownloadExpiresAt).HasColumnName("download_expires_at");
            builder.HasIndex(job => job.DownloadExpiresAt).HasDatabaseName("jobs_download_expires_at").HasFilter("download_expires_at is not null");
            // The reconciler looks every few seconds for unfinished jobs without a check, and they are few among all jobs. The alternative, a row
            // per job in the group commit, would cost every event a statement; this costs a started one an entry in a small index.
            builder.HasIndex(job => job.MagicHourId).HasDatabaseName("jobs_unfinished").HasFilter("status in ('queued', 'rendering')");
            // For the same reason: those that failed lately.
            builder.HasIndex(job => job.FailedAt).HasDatabaseName("jobs_failed").HasFilter("status = 'failed'");
            // The list of the operations API (Operations/JobList.cs), newest first: all jobs, those of a user, and the few that ended otherwise than planned.
            builder.HasIndex(job => new { job.CreatedAt, job.MagicHourId }, "jobs_created_at");
            builder.HasIndex(job => new { job.UserId, job.CreatedAt, job.MagicHourId }, "jobs_user_id").HasFilter("user_id is not null");
            builder.HasIndex(job => new { job.Status, job.CreatedAt, job.MagicHourId }, "jobs_unsuccessful").HasFilter("status in ('failed', 'canceled')");
        }
    }
}

/// <summary>A download as stored in <c>jobs.downloads</c>.</summary>
internal sealed record VisibleDownload(string Url, string? ExpiresAt)
{
    public static string ToJson(IReadOnlyList<Download> downloads)
    {
        var visible = new VisibleDownload[downloads.Count];
        for (var i = 0; i < visible.Length; i++)
        {
            visible[i] = new VisibleDownload(downloads[i].Url, downloads[i].ExpiresAt);
        }

        return JsonSerializer.Serialize(visible, JobJson.Default.VisibleDownloadArray);
    }

    /// <summary>Empty when the JSON is null: the job has not completed.</summary>
    /// <exception cref="NewerVersionException">A newer version wrote it.</exception>
    public static IReadOnlyList<VisibleDownload> FromJson(string? json) =>
        json is null ? [] : StoredJson.Read(json, JobJson.Default.VisibleDownloadArray, "downloads") ?? [];
}
