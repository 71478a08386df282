namespace Platform.Contracts;

/// <summary>
/// The names of exchanges and queues, and the queues' arguments. <c>Processor.Worker migrate</c> declares them; all other code only
/// uses them.
/// </summary>
/// <remarks>
/// The arguments of an existing queue cannot be changed: RabbitMQ refuses a declaration with different ones (406). They are therefore
/// constants, valid on RabbitMQ 3.10 and 4 alike; use policies for tuning.
/// </remarks>
public static class Topology
{
    /// <summary>The queue for all signed bodies: <see cref="WebhookReceived"/> and <see cref="WebhookQuarantined"/>.</summary>
    public const string WebhookReceivedQueue = "webhook-received";

    /// <summary>Messages that could not be processed, with the reason in their headers (MassTransit's name for it).</summary>
    public const string ErrorQueue = WebhookReceivedQueue + "_error";

    /// <summary>Messages of a type without a consumer (MassTransit's name for it).</summary>
    public const string SkippedQueue = WebhookReceivedQueue + "_skipped";

    /// <summary>Messages that the broker gave up delivering; also the name of the exchange bound to this queue.</summary>
    public const string DeadLetterQueue = WebhookReceivedQueue + "_dead";

    /// <summary>The queue of <see cref="RegisterJob"/>.</summary>
    public const string RegisterJobQueue = "register-job";

    /// <summary>Registrations that cannot be used, with the reason in their headers (MassTransit's name for it).</summary>
    public const string RegisterJobErrorQueue = RegisterJobQueue + "_error";

    /// <summary><inheritdoc cref="DeadLetterQueue" path="/node()"/></summary>
    public const string RegisterJobDeadLetterQueue = RegisterJobQueue + "_dead";

    private const string RegisterJobSkippedQueue = RegisterJobQueue + "_skipped";

    /// <summary>
    /// An exchange without bindings. The ingress publishes to it to learn whether the broker accepts messages: a resource alarm blocks
    /// only connections that publish.
    /// </summary>
    public const string CanaryExchange = "broker-canary";

    /// <summary>
    /// Deliveries of one message before it is dead-lettered. RabbitMQ 4 also counts graceful restarts and stops at 20 by default, which
    /// would lose messages that were only prefetched; 3.10 has no limit. A policy can lower this number, but not raise it.
    /// </summary>
    public const int DeliveryLimit = 1000;

    /// <summary>The queues to which consumers move what they cannot process, each through an exchange of the same name.</summary>
    public static IReadOnlyList<string> ParkingQueues { get; } = [ErrorQueue, SkippedQueue, RegisterJobErrorQueue, RegisterJobSkippedQueue];

    /// <summary>Every queue with its arguments.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyDictionary<string, object>> Queues { get; } =
        new Dictionary<string, IReadOnlyDictionary<string, object>>
        {
            [DeadLetterQueue] = Quorum,
            [WebhookReceivedQueue] = QuorumWithDeadLetters(DeadLetterQueue),
            // MassTransit would declare these two on first use, with the arguments of the queue they belong to.
            [ErrorQueue] = QuorumWithDeadLetters(DeadLetterQueue),
            [SkippedQueue] = QuorumWithDeadLetters(DeadLetterQueue),
            [RegisterJobDeadLetterQueue] = Quorum,
            [RegisterJobQueue] = QuorumWithDeadLetters(RegisterJobDeadLetterQueue),
            [RegisterJobErrorQueue] = QuorumWithDeadLetters(RegisterJobDeadLetterQueue),
            [RegisterJobSkippedQueue] = QuorumWithDeadLetters(RegisterJobDeadLetterQueue),
        };

    private static Dictionary<string, object> Quorum => new() { ["x-queue-type"] = "quorum" };

    private static Dictionary<string, object> QuorumWithDeadLetters(string deadLetterQueue) => new(Quorum)
    {
        ["x-delivery-limit"] = DeliveryLimit,
        ["x-dead-letter-exchange"] = deadLetterQueue,
        // At-least-once requires reject-publish; without it the broker silently falls back to at-most-once.
        ["x-dead-letter-strategy"] = "at-least-once",
        ["x-overflow"] = "reject-publish",
    };
}
