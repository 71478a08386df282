namespace Platform.Contracts;

/// <summary>
/// Registers the owner of a job and the addresses for notifications. Sent by the application that created the job at Magic Hour, before,
/// between or after the job's events, with the same result.
/// </summary>
/// <remarks>
/// Publish it to the exchange <c>Platform.Contracts:RegisterJob</c>, or send <c>PUT /jobs/{id}</c>. Registering again updates: the latest
/// <see cref="RegisteredAt"/> wins, so a repeated or overtaken message changes nothing and causes no second notification. A job belongs to
/// the identity that registered it first; registrations by another identity are parked. To have an identity, set the AMQP property
/// <c>user-id</c> to the connection's user, which the broker checks. Changes are additive only; see <see cref="WebhookReceived"/>.
/// </remarks>
public sealed record RegisterJob
{
    /// <summary>Magic Hour's project id, as the create call returned it. 1 to 200 characters.</summary>
    public required string JobId { get; init; }

    /// <summary><c>video</c>, <c>image</c> or <c>audio</c>.</summary>
    public required string Resource { get; init; }

    /// <summary>The owner's id in the application. 1 to 200 characters.</summary>
    public required string UserId { get; init; }

    /// <summary>
    /// Address for a mail when the job has ended. Null: no mail. At most 254 bytes, with its domain in ASCII. An international domain may
    /// be in either form (<c>bücher.example</c>, <c>xn--bcher-kva.example</c>). A non-ASCII local part needs a mail server with SMTPUTF8.
    /// </summary>
    public string? Email { get; init; }

    /// <summary>The http or https URL for a webhook when the job has ended. Null: no webhook. At most 2048 characters.</summary>
    public string? WebhookUrl { get; init; }

    /// <summary>When the application decided this, by its own clock.</summary>
    public required DateTimeOffset RegisteredAt { get; init; }
}
