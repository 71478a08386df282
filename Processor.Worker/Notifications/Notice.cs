using Npgsql;
using Platform.Contracts;
using Processor.Worker.Jobs;

namespace Processor.Worker.Notifications;

/// <summary>What the owner of a job is told, and where to: a notification with all that a channel needs to send it once.</summary>
internal sealed record Notice
{
    public required string JobId { get; init; }

    public required JobStatus Outcome { get; init; }

    public required string Channel { get; init; }

    /// <summary>This attempt, counted from 1.</summary>
    public required int Attempt { get; init; }

    /// <summary>When it was decided that the owner is told.</summary>
    public required DateTimeOffset DecidedAt { get; init; }

    /// <summary>Where it goes. Empty when a later registration has taken the address away.</summary>
    public required string Address { get; init; }

    public required string? UserId { get; init; }

    /// <summary>Where the job stands now.</summary>
    public required JobStatus Status { get; init; }

    public required string Resource { get; init; }

    public string? ProjectType { get; init; }

    /// <summary>The user's label, as they wrote it.</summary>
    public string? Name { get; init; }

    public IReadOnlyList<VisibleDownload> Downloads { get; init; } = [];

    public string? ErrorCode { get; init; }

    public string? ErrorMessage { get; init; }

    /// <summary>The owner was told that the job has failed: this is the correction.</summary>
    public bool CorrectsFailure { get; init; }

    /// <summary>The same at every attempt, and another for every other notification. Neither chosen nor guessed wrong by a user.</summary>
    public Guid Id => EventIdentity.Of($"notification.{Channel}.{Job.StatusText(Outcome)}", JobId);

    /// <summary>It says what is no longer true.</summary>
    public bool IsSuperseded => Status > Outcome;

    /// <summary>Reads a row of <see cref="NotificationQueue"/>.</summary>
    public static Notice Read(NpgsqlDataReader row)
    {
        return new Notice
        {
            JobId = row.GetString(0),
            Outcome = Job.ParseStatus(row.GetString(1)),
            Channel = row.GetString(2),
            Attempt = row.GetInt32(3),
            DecidedAt = row.GetFieldValue<DateTimeOffset>(4),
            Address = Text(5) ?? "",
            UserId = Text(6),
            Status = Job.ParseStatus(row.GetString(7)),
            Resource = row.GetString(8),
            ProjectType = Text(9),
            Name = Text(10),
            Downloads = VisibleDownload.FromJson(Text(11)),
            ErrorCode = Text(12),
            ErrorMessage = Text(13),
            CorrectsFailure = row.GetBoolean(14),
        };

        string? Text(int column) => row.IsDBNull(column) ? null : row.GetString(column);
    }
}
