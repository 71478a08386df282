namespace Platform.Contracts;

/// <summary>A job began to render. Published once per job, and not at all when its end was known first.</summary>
/// <remarks>
/// The domain events are for other services to subscribe to. Each has the AMQP message id of the webhook event that caused it
/// (<see cref="EventIdentity.Of"/>), stable across repeats: published at least once, so subscribers deduplicate on it. Their
/// order is not promised. Evolution is additive only; see <see cref="WebhookReceived"/>.
/// </remarks>
public sealed record JobStarted
{
    /// <summary>Magic Hour's project id.</summary>
    public required string JobId { get; init; }

    /// <summary><c>video</c>, <c>image</c> or <c>audio</c>.</summary>
    public required string Resource { get; init; }

    /// <summary>The tool, such as <c>TEXT_TO_VIDEO</c>; an open set. Null when the sender did not say.</summary>
    public string? ProjectType { get; init; }

    /// <summary>The user's label. Null when there is none.</summary>
    public string? Name { get; init; }

    /// <summary>When the webhook was received.</summary>
    public required DateTimeOffset StartedAt { get; init; }
}

/// <summary>A job has its result. Published once per job; after a <see cref="JobFailed"/> it corrects it.</summary>
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

    /// <summary>What can be downloaded, in the sender's order; may be empty.</summary>
    public required IReadOnlyList<JobDownload> Downloads { get; init; }

    /// <summary>Credits charged. Null when the sender did not say.</summary>
    public long? CreditsCharged { get; init; }

    /// <summary>The job had been reported as failed before: this is the correction.</summary>
    public bool CorrectsFailure { get; init; }

    /// <summary>When the webhook was received.</summary>
    public required DateTimeOffset CompletedAt { get; init; }
}

/// <summary>One file of a completed job.</summary>
/// <param name="Url">A signed URL: whoever has it can download the file. Keep it out of logs.</param>
/// <param name="ExpiresAt">When the URL ends, about 24 hours after it was made. Null when the sender did not say.</param>
public sealed record JobDownload(string Url, DateTimeOffset? ExpiresAt);

/// <summary>A job ended without a result. Published once per job, and not at all when it is known to have completed.</summary>
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

    /// <summary>The sender's code, such as <c>no_source_face</c>; an open set. Null when the sender did not say.</summary>
    public string? ErrorCode { get; init; }

    /// <summary>The sender's message to the user. Null when the sender did not say.</summary>
    public string? ErrorMessage { get; init; }

    /// <summary>When the webhook was received.</summary>
    public required DateTimeOffset FailedAt { get; init; }
}
