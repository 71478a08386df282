namespace Processor.Worker.Release;

/// <summary>Where messages wait for a person to release them.</summary>
internal interface IParkingPlace<T>
    where T : ParkedMessage
{
    /// <summary>The name that an operator knows it by.</summary>
    string Name { get; }

    Task<long> CountAsync(CancellationToken cancellationToken);

    /// <summary>Looks at each message once, in order, a chunk at a time, so that memory is bounded.</summary>
    /// <param name="count">
    /// At most so many, which is how many there were at the start: a message that is released and fails again would go round for ever.
    /// </param>
    IAsyncEnumerable<IReadOnlyList<T>> ReadAsync(long count, CancellationToken cancellationToken);

    /// <summary>Puts a message back into the pipeline. Returns when the broker has confirmed that it is in a queue, and throws otherwise.</summary>
    Task PublishAsync(T message, CancellationToken cancellationToken);

    /// <summary>Takes out what was released, and leaves the rest of the chunk where it is.</summary>
    Task SettleAsync(IReadOnlyList<T> released, IReadOnlyList<T> kept, CancellationToken cancellationToken);
}

/// <summary>A message that is parked, as far as a person needs to know it.</summary>
internal abstract class ParkedMessage
{
    /// <summary>What <c>--id</c> takes.</summary>
    public required string Id { get; init; }

    /// <summary>The id under which the pipeline knows it. Null when there is none: not yet an event, or not ours.</summary>
    public required Guid? MessageId { get; init; }

    public required string EventType { get; init; }

    public required string JobId { get; init; }

    /// <summary>Why it is parked.</summary>
    public required string Reason { get; init; }

    /// <summary>Null when it is not known.</summary>
    public required DateTimeOffset? ParkedAt { get; init; }

    /// <summary>False when it would only come back: it stays, whatever was asked.</summary>
    public required bool IsUsable { get; init; }
}
