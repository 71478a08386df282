using Microsoft.Extensions.Options;
using Platform.Contracts;
using Processor.Worker.Broker;
using Processor.Worker.Events;

namespace Processor.Worker.Consumers;

/// <summary>
/// Detects a process that believes it consumes events while the broker reports events waiting in a queue without a consumer. Whatever the
/// cause, a restart attaches a new consumer.
/// </summary>
/// <param name="isConsuming">True when this process is attached to its queue and no outage pauses it.</param>
internal sealed partial class ConsumerWatchdog(Func<bool> isConsuming, IOptions<EventOptions> options, TimeProvider time, ILogger<ConsumerWatchdog> logger)
{
    // A few samples. A longer gap between samples proves nothing, since the process may have been suspended.
    private static readonly TimeSpan LongestGap = TimeSpan.FromMinutes(1);

    private long _observedAt;
    private long _attendedAt;
    private volatile bool _isLost;

    /// <summary>True when every sample within <see cref="EventOptions.LostAfter"/> showed waiting events and no consumer.</summary>
    public bool IsLost => _isLost;

    /// <param name="queues">The queues as the broker reports them; null when it could not be reached, which counts as healthy.</param>
    public void Observe(IReadOnlyList<QueueDepth>? queues)
    {
        var now = time.GetTimestamp();
        if (queues is null || !queues.Any(IsUnattended) || !isConsuming() || time.GetElapsedTime(_observedAt, now) > LongestGap)
        {
            _attendedAt = now;
        }

        _observedAt = now;
        var isLost = time.GetElapsedTime(_attendedAt, now) >= options.Value.LostAfter;
        if (isLost && !_isLost)
        {
            LogLost(logger, Topology.WebhookReceivedQueue, options.Value.LostAfter);
        }

        _isLost = isLost;
    }

    private static bool IsUnattended(QueueDepth queue) => queue is { Queue: Topology.WebhookReceivedQueue, Messages: > 0, Consumers: 0 };

    [LoggerMessage(
        LogLevel.Error,
        "Events have waited in {Queue} for {Time} without a consumer, though this worker believes it consumes: restart required")]
    private static partial void LogLost(ILogger logger, string queue, TimeSpan time);
}
