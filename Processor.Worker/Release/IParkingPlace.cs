
namespace Processor.Worker.Release;

/// <summary>A queue or table in which messages wait until an operator releases them.</summary>
internal interface IParkingPlace<T>
    where T : ParkedMessage
{
    /// <summary>Time limit for the confirms and for the removal of a chunk: a broker under a resource alarm neither answers nor fails.</summary>
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>The name of the queue or table.</summary>
    string Name { get; }

    Task<long> CountAsync(CancellationToken cancellationToken);

    /// <summary>Reads each message once, in order, in chunks, so that memory is bounded.</summary>
    /// <param name="count">
    /// Most messages to read, counted at the start: otherwise a message that is released and fails again would circulate endlessly.
    /// </param>
    IAsyncEnumerable<IReadOnlyList<T>> ReadAsync(long count, CancellationToken cancellationToken);

    /// <summary>Puts a message back into the pipeline. Returns once the broker confirms that a queue has it; throws otherwise.</summary>
    Task PublishAsync(T message, CancellationToken cancellationToken);

    /// <summary>Removes the released messages, and keeps the rest of the chunk parked.</summary>
    Task SettleAsync(IReadOnlyList<T> released, IReadOnlyList<T> kept, CancellationToken cancellationToken);

    /// <summary>
    /// Removes messages that will never be released, and keeps the rest of the chunk parked. A body stays in <c>quarantined_events</c>, marked as
    /// discarded.
    /// </summary>
    Task DiscardAsync(IReadOnlyList<T> discarded, IReadOnlyList<T> kept, CancellationToken cancellationToken);
}

/// <summary>A parked message, with the details that an operator needs.</summary>
internal abstract class ParkedMessage
{
    /// <summary>The id for the option <c>--id</c>.</summary>
    public required string Id { get; init; }

    /// <summary>The id in the pipeline. Null when there is none: not a usable event yet, or not published by the platform.</summary>
    public required Guid? MessageId { get; init; }

    public required string EventType { get; init; }

    public required string JobId { get; init; }

    /// <summary>Why it is parked.</summary>
    public required string Reason { get; init; }

    /// <summary>What the reason has in common with that of other messages.</summary>
    public ParkedCause Cause => field ??= ParkedCause.From(Reason);

    /// <summary>Null when unknown.</summary>
    public required DateTimeOffset? ParkedAt { get; init; }

    /// <summary>False when it would only be parked again: it is kept, whatever the request says.</summary>
    public required bool IsUsable { get; init; }
}
