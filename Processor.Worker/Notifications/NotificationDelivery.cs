using Npgsql;
using Platform.Contracts;
using Processor.Worker.Jobs;
using Processor.Worker.Persistence;

namespace Processor.Worker.Notifications;

/// <summary>A notification with everything a channel needs to send it once.</summary>
internal sealed record NotificationDelivery
{
    public required string JobId { get; init; }

    public required JobStatus Outcome { get; init; }

    public required string Channel { get; init; }

    /// <summary>The number of this attempt, from 1.</summary>
    public required int Attempt { get; init; }

    /// <summary>When the notification was decided.</summary>
    public required DateTimeOffset DecidedAt { get; init; }

    /// <summary>The receiver's address. Empty when a later registration has removed it.</summary>
    public required string Address { get; init; }

    public required string? UserId { get; init; }

    /// <summary>The job's current status.</summary>
    public required JobStatus Status { get; init; }

    public required string Resource { get; init; }

    public string? ProjectType { get; init; }

    /// <summary>The user's label for the job, unmodified.</summary>
    public string? Name { get; init; }

    public IReadOnlyList<VisibleDownload> Downloads { get; init; } = [];

    public string? ErrorCode { get; init; }

    public string? ErrorMessage { get; init; }

    /// <summary>The owner was notified that the job failed; this notification corrects that.</summary>
    public bool CorrectsFailure { get; init; }

    /// <summary>The same for every attempt, and unique per notification. Users cannot choose it.</summary>
    public Guid Id => EventIdentity.Create($"notification.{Channel}.{Job.StatusText(Outcome)}", JobId);

    /// <summary>The job's status has changed since, so the notification is out of date.</summary>
    public bool IsSuperseded => Status > Outcome;

    /// <summary>Reads a row of <see cref="NotificationQueue"/>.</summary>
    public static NotificationDelivery Read(NpgsqlDataReader row)
    {
        return new NotificationDelivery
        {
            JobId = row.GetString(0),
            Outcome = Job.ParseStatus(row.GetString(1)),
            Channel = row.GetString(2),
            Attempt = row.GetInt32(3),
            DecidedAt = row.GetFieldValue<DateTimeOffset>(4),
            Address = row.TextOrNull(5) ?? "",
            UserId = row.TextOrNull(6),
            Status = Job.ParseStatus(row.GetString(7)),
            Resource = row.GetString(8),
            ProjectType = row.TextOrNull(9),
            Name = row.TextOrNull(10),
            Downloads = VisibleDownload.FromJson(row.TextOrNull(11)),
            ErrorCode = row.TextOrNull(12),
            ErrorMessage = row.TextOrNull(13),
            CorrectsFailure = row.GetBoolean(14),
        };
    }
}
