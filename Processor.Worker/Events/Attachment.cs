using Microsoft.Extensions.Options;
using Platform.Contracts;
using Processor.Worker.Backlog;

namespace Processor.Worker.Events;

/// <summary>
/// Knows when this process believes that it consumes events and the broker knows better: events wait, and nobody is attached to their
/// queue. Whatever took the consumer away without a word, a restart brings it back.
/// </summary>
/// <param name="isBelieved">It is attached, and no outage makes it pause.</param>
internal sealed partial class Attachment(Func<bool> isBelieved, IOptions<EventOptions> options, TimeProvider time, ILogger<Attachment> logger)
{
    // A few samples. What was in a longer time without one is not known: the process was halted, say.
    private static readonly TimeSpan LongestGap = TimeSpan.FromMinutes(1);

    private long _sawAt;
    private long _wellAt;
    private volatile bool _isLost;

    /// <summary>Whenever it was looked for so long (<see cref="EventOptions.LostAfter"/>), events waited and nobody was attached.</summary>
    public bool IsLost => _isLost;

    /// <param name="queues">What the broker says now; null when it could not be asked, which says nothing against this process.</param>
    public void Saw(IReadOnlyList<QueueDepth>? queues)
    {
        var now = time.GetTimestamp();
        if (queues is null || !queues.Any(IsUnattended) || !isBelieved() || time.GetElapsedTime(_sawAt, now) > LongestGap)
        {
            _wellAt = now;
        }

        _sawAt = now;
        var isLost = time.GetElapsedTime(_wellAt, now) >= options.Value.LostAfter;
        if (isLost && !_isLost)
        {
            LogLost(logger, Topology.WebhookReceivedQueue, options.Value.LostAfter);
        }

        _isLost = isLost;
    }

    private static bool IsUnattended(QueueDepth queue) => queue is { Queue: Topology.WebhookReceivedQueue, Messages: > 0, Consumers: 0 };

    [LoggerMessage(
        LogLevel.Error,
        "Events have waited in {Queue} for {Time} with nobody attached to it, though this worker believes to be: it is not live any more, and must be started again")]
    private static partial void LogLost(ILogger logger, string queue, TimeSpan time);
}
