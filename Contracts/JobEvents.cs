namespace Platform.Contracts;

/// <summary>A job began to render. Published once per job, and not at all when the job's end was known first.</summary>
/// <remarks>
/// Other services subscribe to the domain events. Each has the AMQP message id of the webhook event that caused it
/// (<see cref="EventIdentity.Create"/>). Events are published at least once, with a stable message id, so subscribers deduplicate on it.
/// Their order is not guaranteed. Changes are additive only; see <see cref="WebhookReceived"/>.
/// </remarks>
public sealed record JobStarted
{
    /// <summary>Magic Hour's project id.</summary>
    public required string JobId { get; init; }

    /// <summary><c>video</c>, <c>image</c> or <c>audio</c>.</summary>
    public required string Resource { get; init; }

    /// <summary>The tool, such as <c>TEXT_TO_VIDEO</c>; an open set. Null when the sender gave none.</summary>
    public string? ProjectType { get; init; }

    /// <summary>The user's label. Null when there is none.</summary>
    public string? Name { get; init; }

    /// <summary>When the webhook was received.</summary>
    public required DateTimeOffset StartedAt { get; init; }
}

/// <summary>A job has completed. Published once per job; after a <see cref="JobFailed"/>, it corrects that event.</summary>
/// <remarks><inheritdoc cref="JobStarted"/></remarks>
public sealed record JobCompleted
{
    /// <inheritdoc cref="JobStarted.JobId"/>
    public required string JobId { get; init; }

    /// <inheritdoc cref="JobStarted.Resource"/>
    public required string Resource { get; init; }

    /// <inheritdoc cref="JobStarted.ProjectType"/>
    public string? ProjectType { get; init; }

    /// <inheritdoc cref="JobStarted.Name"/>
    public string? Name { get; init; }

    /// <summary>The downloads, in the sender's order; may be empty.</summary>
    public required IReadOnlyList<JobDownload> Downloads { get; init; }

    /// <summary>Credits charged. Null when the sender gave none.</summary>
    public long? CreditsCharged { get; init; }

    /// <summary>True when the job was reported as failed before; this event corrects that.</summary>
    public bool CorrectsFailure { get; init; }

    /// <summary>When the webhook was received.</summary>
    public required DateTimeOffset CompletedAt { get; init; }
}

/// <summary>One file of a completed job.</summary>
/// <param name="Url">A signed URL: anyone who has it can download the file. Keep it out of logs.</param>
/// <param name="ExpiresAt">
/// When the URL expires, about 24 hours after it was created. Null when the sender gave no time, or a placeholder for none.
/// </param>
public sealed record JobDownload(string Url, DateTimeOffset? ExpiresAt);

/// <summary>A job failed. Published once per job, and not at all when it is known to have completed.</summary>
/// <remarks><inheritdoc cref="JobStarted"/></remarks>
public sealed record JobFailed
{
    /// <inheritdoc cref="JobStarted.JobId"/>
    public required string JobId { get; init; }

    /// <inheritdoc cref="JobStarted.Resource"/>
    public required string Resource { get; init; }

    /// <inheritdoc cref="JobStarted.ProjectType"/>
    public string? ProjectType { get; init; }

    /// <inheritdoc cref="JobStarted.Name"/>
    public string? Name { get; init; }

    /// <summary>The sender's code, such as <c>no_source_face</c>; an open set. Null when the sender gave none.</summary>
    public string? ErrorCode { get; init; }

    /// <summary>The sender's message to the user. Null when the sender gave none.</summary>
    public string? ErrorMessage { get; init; }

    /// <summary>When the webhook was received.</summary>
    public required DateTimeOffset FailedAt { get; init; }
}

/// <summary>
/// A job was canceled, or deleted before it ended. Published once per job, and not at all when it is known to have failed or completed. Magic
/// Hour sends no event for it: the worker finds it in the REST API.
/// </summary>
/// <remarks><inheritdoc cref="JobStarted"/></remarks>
public sealed record JobCanceled
{
    /// <inheritdoc cref="JobStarted.JobId"/>
    public required string JobId { get; init; }

    /// <inheritdoc cref="JobStarted.Resource"/>
    public required string Resource { get; init; }

    /// <inheritdoc cref="JobStarted.ProjectType"/>
    public string? ProjectType { get; init; }

    /// <inheritdoc cref="JobStarted.Name"/>
    public string? Name { get; init; }

    /// <summary>True when the project no longer exists.</summary>
    public bool IsDeleted { get; init; }

    /// <summary>When the API reported it; the time of the cancellation itself is unknown.</summary>
    public required DateTimeOffset CanceledAt { get; init; }
}
