using Processor.Worker.Archive;
using Processor.Worker.Events;
using Processor.Worker.Inbox;
using Processor.Worker.Jobs;
using Processor.Worker.Notifications;
using Processor.Worker.Owners;
using Processor.Worker.Reconciliation;

namespace Processor.Worker.Operations;

/// <summary>A job with its registration, events and notifications.</summary>
internal sealed record JobView
{
    public required string JobId { get; init; }

    public required string Resource { get; init; }

    /// <summary><c>queued</c>, <c>rendering</c>, <c>canceled</c>, <c>failed</c> or <c>completed</c>.</summary>
    public required string Status { get; init; }

    public string? UserId { get; init; }

    public string? Email { get; init; }

    public string? WebhookUrl { get; init; }

    public string? ProjectType { get; init; }

    public string? Name { get; init; }

    public required IReadOnlyList<DownloadView> Downloads { get; init; }

    /// <summary>The sender offered more downloads than are kept. The stored webhook has all of them.</summary>
    public bool DownloadsCut { get; init; }

    public string? ErrorCode { get; init; }

    public string? ErrorMessage { get; init; }

    public long? CreditsCharged { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? CompletedAt { get; init; }

    public DateTimeOffset? FailedAt { get; init; }

    public DateTimeOffset? CanceledAt { get; init; }

    /// <summary>When Magic Hour first reported the project as deleted.</summary>
    public DateTimeOffset? DeletedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }

    /// <summary>When its data was erased: only status and times are left. Null when it was not.</summary>
    public DateTimeOffset? ErasedAt { get; init; }

    /// <summary>How the job is looked up at Magic Hour. Null once it has ended, before that is planned, and without an API key.</summary>
    public CheckView? Check { get; init; }

    /// <summary>In the order received.</summary>
    public required IReadOnlyList<EventView> Events { get; init; }

    public required IReadOnlyList<NotificationView> Notifications { get; init; }

    /// <summary>Without addresses and signed URLs, unless the caller may see them.</summary>
    public JobView For(Caller caller) => caller.MaySeeRaw ? this : this with
    {
        Name = Redaction.Text(Name),
        Email = Redaction.Text(Email),
        WebhookUrl = Redaction.Text(WebhookUrl),
        ErrorMessage = Redaction.Text(ErrorMessage),
        Downloads = [.. Downloads.Select(file => file with { Url = Redaction.Text(file.Url)! })],
        Notifications = [.. Notifications.Select(row => row with { LastError = Redaction.Text(row.LastError) })],
    };

    internal static JobView From(Job job, JobRegistration? registration) => new()
    {
        JobId = job.MagicHourId,
        Resource = job.Resource,
        Status = Job.StatusText(job.Status),
        UserId = job.UserId,
        Email = registration?.Email,
        WebhookUrl = registration?.WebhookUrl,
        ProjectType = job.ProjectType,
        Name = job.Name,
        DownloadsCut = job.DownloadsCut,
        Downloads = [],
        ErrorCode = job.ErrorCode,
        ErrorMessage = job.ErrorMessage,
        CreditsCharged = job.CreditsCharged,
        CreatedAt = job.CreatedAt,
        StartedAt = job.StartedAt,
        CompletedAt = job.CompletedAt,
        FailedAt = job.FailedAt,
        CanceledAt = job.CanceledAt,
        DeletedAt = job.DeletedAt,
        UpdatedAt = job.UpdatedAt,
        Events = [],
        Notifications = [],
    };
}

/// <summary>A file of a completed job.</summary>
/// <param name="Url">Signed: a credential.</param>
/// <param name="ExpiresAt">The sender's text. Null when the sender gave none, or a placeholder for none, such as year 1.</param>
/// <param name="Size">Bytes, of a file in the archive, to which its URL leads. Null when it is not there.</param>
/// <param name="Sha256">Of its content, in lower-case hex. Null like <paramref name="Size"/>.</param>
internal sealed record DownloadView(string Url, string? ExpiresAt, long? Size = null, string? Sha256 = null)
{
    public static DownloadView From(ArchivedFile file) => new(file.Download.Url, DownloadExpiry.Show(file.Download.ExpiresAt), file.Size, file.Sha256);
}

/// <summary>The plan to look up a job without an end at Magic Hour.</summary>
/// <param name="State"><c>waiting</c>, <c>given_up</c> after 48 hours without an end, or <c>parked</c> when Magic Hour refuses the id.</param>
/// <param name="NextCheckAt">Null when no further check is planned.</param>
/// <param name="LastAnswer">What Magic Hour's API last said; null before the first check.</param>
internal sealed record CheckView(string State, int Attempts, DateTimeOffset? NextCheckAt, string? LastAnswer)
{
    public static CheckView From(JobCheck row) => new(
        row.State.Name(), row.Attempts, row.State is CheckState.Waiting ? row.NextCheckAt : null, row.LastAnswer);
}

/// <summary>An event of the job.</summary>
/// <param name="TraceUrl">The page of its trace; null when it was not traced, or when no Jaeger is configured.</param>
internal sealed record EventView(Guid EventId, string Type, DateTimeOffset ReceivedAt, bool Late, string? TraceId, Uri? TraceUrl)
{
    public static EventView From(WebhookEvent row, JaegerOptions jaeger) =>
        new(row.EventId, row.EventType, row.ReceivedAt, row.Late, row.TraceId, jaeger.LinkTo(row.TraceId));
}

/// <summary>A notification of the job's owner on one channel.</summary>
/// <param name="Outcome">The outcome it reports: <c>completed</c>, <c>failed</c> or <c>canceled</c>.</param>
/// <param name="Status"><c>pending</c>, <c>sending</c>, <c>delivered</c>, <c>superseded</c> or <c>parked</c>.</param>
/// <param name="NextAttemptAt">Null when no further attempt is planned.</param>
internal sealed record NotificationView(
    string Channel,
    string Outcome,
    string Status,
    int Attempts,
    DateTimeOffset DecidedAt,
    DateTimeOffset? NextAttemptAt,
    DateTimeOffset? DeliveredAt,
    string? LastError)
{
    public static NotificationView From(Notification row) => new(
        row.Channel,
        Job.StatusText(row.Outcome),
        row.Status.Name(),
        row.Attempts,
        row.DecidedAt,
        row.Status is NotificationStatus.Pending or NotificationStatus.Sending ? row.NextAttemptAt : null,
        row.DeliveredAt,
        row.LastError);
}
