namespace Platform.Contracts;

/// <summary>
/// Magic Hour sent an event and its signature was valid, or its REST API reported what an event would have. Published by the ingress, and by
/// the worker for what it reads from the API; consumed by the worker.
/// </summary>
/// <remarks>
/// Changes are additive only: optional properties may be added; none is renamed, retyped or removed. The namespace and the type name
/// never change either, because together they identify the message on the wire. Old and new versions of both services run side by side
/// during every deployment, and messages wait in queues across deployments.
/// </remarks>
public sealed record WebhookReceived
{
    /// <summary>
    /// The event's identity (<see cref="EventIdentity.Create"/>), also its AMQP message id. It is permanent, and every delivery of the event
    /// has the same one.
    /// </summary>
    public required Guid EventId { get; init; }

    /// <summary>The sender's <c>type</c>, such as <c>video.completed</c>; unknown types included. At most 100 characters.</summary>
    public required string EventType { get; init; }

    /// <summary>The sender's <c>payload.id</c>: the project, which is the job. Opaque and case-sensitive; 1 to 200 characters.</summary>
    public required string JobId { get; init; }

    /// <summary>Unique per HTTP request: distinguishes deliveries of the same event. From an ingress, it holds the <see cref="PublishNumber"/>.</summary>
    public required Guid DeliveryId { get; init; }

    /// <summary>When the request was received, by the ingress's clock.</summary>
    public required DateTimeOffset ReceivedAt { get; init; }

    /// <summary>When the sender signed it, to the second. Either of the first attempt or of this one: the sender does not say.</summary>
    public required DateTimeOffset SentAt { get; init; }

    /// <summary>Authentic, but signed longer ago than the ingress accepts as fresh (5 minutes by default).</summary>
    public required bool Late { get; init; }

    /// <summary>The event's origin, one of <see cref="Origins"/>; more may be added.</summary>
    public required string Origin { get; init; }

    /// <summary>
    /// The name of the secret whose signature matched; never the secret. Shows when an old secret is no longer used. For
    /// <see cref="Origins.Reconcile"/>, which has no signature, the name of the origin.
    /// </summary>
    public required string SecretName { get; init; }

    /// <summary>The body as it was signed, byte for byte; for <see cref="Origins.Reconcile"/>, the API's answer in the form of an event.</summary>
    public required ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>SHA-256 of <see cref="Body"/>, 64 lower-case hex characters.</summary>
    public required string BodySha256 { get; init; }
}

/// <summary>The values of <see cref="WebhookReceived.Origin"/>.</summary>
public static class Origins
{
    /// <summary>Sent by Magic Hour to the webhook endpoint.</summary>
    public const string Live = "live";

    /// <summary>Quarantined as unusable when it was received, and released by an operator since.</summary>
    public const string Replay = "replay";

    /// <summary>Read from Magic Hour's REST API by the worker, because no webhook had reported it.</summary>
    public const string Reconcile = "reconcile";
}
