namespace Platform.Simulator.Verdicts;

/// <summary>What the tables and queues contain about one storm.</summary>
internal sealed record Evidence
{
    public required IReadOnlyList<EventRow> Events { get; init; }

    public required IReadOnlyList<BodyRow> Bodies { get; init; }

    public required IReadOnlyList<JobRow> Jobs { get; init; }

    /// <summary>Rows of the inbox for each message of the storm.</summary>
    public required IReadOnlyDictionary<Guid, int> Inbox { get; init; }

    /// <summary>Rows in quarantine for each body of the storm, by its hash.</summary>
    public required IReadOnlyDictionary<string, int> Quarantined { get; init; }

    /// <summary>Unpublished domain events for each message of the storm.</summary>
    public required IReadOnlyDictionary<Guid, int> Outbox { get; init; }

    /// <summary>The owner of each job and the channel for notifications.</summary>
    public IReadOnlyList<OwnerRow> Owners { get; init; } = [];

    public IReadOnlyList<NotificationRow> Notifications { get; init; } = [];

    /// <summary>The ids of all messages in a queue, by its name.</summary>
    public IReadOnlyDictionary<string, IReadOnlySet<Guid>> Queues { get; init; } = new Dictionary<string, IReadOnlySet<Guid>>();
}

internal sealed record EventRow(Guid EventId, string Type, string JobId, DateTimeOffset ReceivedAt, bool Late, string BodyHash);

/// <param name="Hash">SHA-256 of the stored bytes.</param>
internal sealed record BodyRow(Guid EventId, DateTimeOffset ReceivedAt, string Hash);

internal sealed record OwnerRow(string JobId, string Channel);

internal sealed record NotificationRow(string JobId, string Channel, string Outcome, string Status);

internal sealed record JobRow(
    string JobId,
    JobState State,
    DateTimeOffset CreatedAt,
    DateTimeOffset? StartedAt,
    DateTimeOffset? CompletedAt,
    DateTimeOffset? FailedAt,
    DateTimeOffset UpdatedAt,
    bool HasOwner);
