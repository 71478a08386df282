namespace Ingress.Api.Publishing;

/// <summary>
/// Knows when the client of this process hangs in a way that only a restart helps. RabbitMQ.Client 7.2 has been seen to come back from a
/// broken connection with its publishes blocked for ever; the <see cref="BrokerMonitor"/> takes a new connection as soon as one
/// hangs, so this is for what nobody has thought of.
/// </summary>
internal sealed class PublishWatchdog(PublishBreaker breaker, BrokerMonitor broker)
{
    // Everything that heals by itself has healed in a minute: a new leader of the queue (seconds), a new connection after the broker's
    // return (seconds), a dead link that the heartbeats find (30 s). Five, because a restart for one slow publish would do more harm.
    private const int MinTimeOuts = 5;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <summary>The broker has been seen to be well all the while, and no publish has been answered.</summary>
    /// <remarks>
    /// From here a queue without its quorum looks the same: the broker answers, only the confirms are missing. That costs one restart
    /// and no more. A process that has never been answered has not been helped by its restart and is left alone; otherwise Kubernetes
    /// would wait longer and longer between restarts, and nobody would be there when the quorum returns.
    /// </remarks>
    public bool IsStuck =>
        breaker is { HasBeenAnswered: true, TimeOuts: { Count: >= MinTimeOuts } timeOuts }
        && timeOuts.Span >= Patience
        && broker.AvailableFor >= Patience;
}
