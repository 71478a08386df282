namespace Platform.Contracts;

/// <summary>
/// Whose job it is, and how its owner wants to be told of its end. Sent by the application that created the job at Magic Hour, before,
/// between or after the job's events: what comes of it is the same.
/// </summary>
/// <remarks>
/// Publish it to the exchange <c>Platform.Contracts:RegisterJob</c>, or send <c>PUT /jobs/{id}</c>. To register again is to update: the
/// greatest <see cref="RegisteredAt"/> wins, so a repeated or overtaken message changes nothing. Nobody is told twice for it. Evolution
/// is additive only; see <see cref="WebhookReceived"/>.
/// </remarks>
public sealed record RegisterJob
{
    /// <summary>Magic Hour's project id, as the create call returned it. 1 to 200 characters.</summary>
    public required string JobId { get; init; }

    /// <summary><c>video</c>, <c>image</c> or <c>audio</c>.</summary>
    public required string Resource { get; init; }

    /// <summary>The owner, as the application knows them. 1 to 200 characters.</summary>
    public required string UserId { get; init; }

    /// <summary>Where a mail goes when the job has ended. Null: no mail. At most 254 characters.</summary>
    public string? Email { get; init; }

    /// <summary>Where a webhook goes when the job has ended, http or https. Null: no webhook. At most 2048 characters.</summary>
    public string? WebhookUrl { get; init; }

    /// <summary>When the application decided this, by its own clock.</summary>
    public required DateTimeOffset RegisteredAt { get; init; }
}
