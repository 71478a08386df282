namespace Ingress.Api.Publishing;

/// <summary>
/// Detects a hung client that only a restart fixes. RabbitMQ.Client 7.2 has recovered from a broken connection with its publishes blocked
/// indefinitely. The <see cref="PublisherConnection"/> replaces a connection when it hangs, so this covers unforeseen causes.
/// </summary>
internal sealed class PublishWatchdog(PublishBreaker breaker, BrokerHealth broker)
{
    // One minute: everything that recovers by itself has recovered by then, such as a new queue leader
    // (seconds), a new connection after the broker's return (seconds), or a dead link that heartbeats
    // detect (30 s). Five time-outs, because a restart for one slow publish would do more harm.
    private const int MinTimeOuts = 5;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <summary>True when the broker has been available the whole time and has answered no publish.</summary>
    /// <remarks>
    /// To this process, a queue without its quorum looks the same: the broker answers and only the confirms are missing. That costs one
    /// restart, but only one. A process that has never had an answer did not benefit from its restart and is not restarted again: Kubernetes
    /// would wait longer between restarts each time, and no replica would be running when the quorum returns.
    /// </remarks>
    public bool IsStuck =>
        breaker is { HasBeenAnswered: true, TimeOuts: { Count: >= MinTimeOuts } timeOuts }
        && timeOuts.Span >= Patience
        && broker.AvailableFor >= Patience;
}
