namespace Platform.Contracts;

/// <summary>
/// A body with a valid signature that cannot be used as an event. It is kept for an operator to examine and release, so that no signed
/// body is lost.
/// </summary>
/// <remarks>Changes are additive only; see <see cref="WebhookReceived"/>.</remarks>
public sealed record WebhookQuarantined
{
    /// <summary>The reason, one of <see cref="QuarantineReasons"/>; more may be added.</summary>
    public required string Reason { get; init; }

    /// <summary>Unique per HTTP request. From an ingress, it holds the <see cref="PublishNumber"/>.</summary>
    public required Guid DeliveryId { get; init; }

    /// <summary>When the request was received, by the ingress's clock.</summary>
    public required DateTimeOffset ReceivedAt { get; init; }

    /// <summary>When the sender signed it, to the second.</summary>
    public required DateTimeOffset SentAt { get; init; }

    /// <summary>The name of the secret whose signature matched; never the secret.</summary>
    public required string SecretName { get; init; }

    /// <summary>The body as it was signed, byte for byte; may be empty.</summary>
    public required ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>SHA-256 of <see cref="Body"/>, 64 lower-case hex characters. Equal bodies are kept once.</summary>
    public required string BodySha256 { get; init; }
}

/// <summary>The values of <see cref="WebhookQuarantined.Reason"/>.</summary>
public static class QuarantineReasons
{
    /// <summary>Not UTF-8, not JSON, nested deeper than 64 levels, or with duplicate keys in one object.</summary>
    public const string NotJson = "not_json";

    /// <summary>JSON, but not an object with a string <c>type</c>.</summary>
    public const string NoType = "no_type";

    /// <summary>A <c>type</c> of more than 100 characters.</summary>
    public const string TypeTooLong = "type_too_long";

    /// <summary>Neither <c>payload</c> nor <c>object</c> is an object.</summary>
    public const string NoPayload = "no_payload";

    /// <summary>The payload has no string <c>id</c>, or an empty one.</summary>
    public const string NoId = "no_id";

    /// <summary>An <c>id</c> of more than 200 characters.</summary>
    public const string IdTooLong = "id_too_long";

    /// <summary>
    /// An <c>id</c> with a character that cannot be stored (NUL, a lone surrogate), or with its replacement U+FFFD: jobs with different ids
    /// would share a row.
    /// </summary>
    public const string IdUnreadable = "id_unreadable";
}
