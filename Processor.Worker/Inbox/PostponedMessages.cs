using MassTransit;
using Microsoft.Extensions.Options;
using Platform.Contracts;
using Processor.Worker.Broker;
using Processor.Worker.Events;
using Processor.Worker.Persistence;

namespace Processor.Worker.Inbox;

/// <summary>
/// Postpones messages of jobs whose state a newer version of the worker wrote and this one cannot read, as after a rollback. Each message
/// is held for <see cref="Pause"/> and then put at the end of its queue as a copy: returning it would use up its delivery limit, and
/// holding it for long would exceed the <c>consumer_timeout</c> of the broker.
/// </summary>
/// <remarks>
/// Held messages count as in flight, so only a few may be held for long. Beyond that number, the pause is <see cref="ShortPause"/>, so that
/// other messages are processed at least that often.
/// </remarks>
internal sealed partial class PostponedMessages(
    BrokerPublisher publisher,
    PoisonMessageGuard suspects,
    DatabaseOutage outage,
    IOptions<EventOptions> options,
    IHostApplicationLifetime lifetime,
    ProcessorMetrics metrics,
    TimeProvider time,
    ILogger<PostponedMessages> logger) : IDisposable
{
    /// <summary>A rollout takes minutes. A message that no newer worker receives in that time is late, not lost.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromSeconds(30);

    /// <summary>With 512 messages in flight: at most 512 copies a second.</summary>
    public static readonly TimeSpan ShortPause = TimeSpan.FromSeconds(1);

    // Held messages count as bytes in flight, too. A real event is 3 kB.
    private const int MostBytesForLong = 16 * 1024;

    private static readonly TimeSpan PublishTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LogInterval = TimeSpan.FromMinutes(1);

    // A share of the messages in flight: the rest is for other messages, even when fewer are in flight than the setting allows.
    private readonly int _mostForLong = options.Value.InWork / 32;
    private readonly SemaphoreSlim _publishing = new(1);
    private int _held;
    private long _loggedAt;

    /// <summary>Returns when the copy is in the queue; the delivery is then settled.</summary>
    /// <exception cref="OperationCanceledException">
    /// The process stops, or consumption pauses; the delivery returns to the queue.
    /// </exception>
    public async Task PostponeAsync(UnitOfWork unit, ReceiveContext delivery, NewerVersionException cause)
    {
        metrics.Postponed();
        Log(unit, cause);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(delivery.CancellationToken, lifetime.ApplicationStopping, outage.Started);
        // The message did not crash the process.
        await suspects.ClearAsync(unit, stop.Token);
        var pause = Interlocked.Increment(ref _held) <= _mostForLong && delivery.Body.Length <= MostBytesForLong ? Pause : ShortPause;
        try
        {
            do
            {
                await Task.Delay(pause, time, stop.Token);
            }
            while (!await TryPublishAsync(unit.MessageId, delivery, stop.Token));
        }
        finally
        {
            Interlocked.Decrement(ref _held);
        }
    }

    public void Dispose() => _publishing.Dispose();

    private async Task<bool> TryPublishAsync(Guid messageId, ReceiveContext delivery, CancellationToken cancellationToken)
    {
        var copy = new Envelope(messageId, Topology.WebhookReceivedQueue, delivery.Body.GetBytes());
        var trace = delivery.TransportHeaders.Get<string>(Envelope.TraceHeader);
        await _publishing.WaitAsync(cancellationToken);
        try
        {
            await publisher.OpenAsync(cancellationToken);
            // A broker blocked by an alarm does not reply.
            await publisher.PublishAsync(copy, trace, mandatory: true, cancellationToken).WaitAsync(PublishTimeout, time, cancellationToken);
            return true;
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            LogNotPublished(logger, exception);
            await publisher.DisposeAsync();
            return false;
        }
        finally
        {
            _publishing.Release();
        }
    }

    // One log entry is enough for many messages and repeated postponements.
    private void Log(UnitOfWork unit, NewerVersionException cause)
    {
        var last = Volatile.Read(ref _loggedAt);
        if ((last == 0 || time.GetElapsedTime(last) >= LogInterval) && Interlocked.CompareExchange(ref _loggedAt, time.GetTimestamp(), last) == last)
        {
            LogPostponed(logger, unit.MessageId, unit.Event?.JobId, cause.Message);
        }
    }

    [LoggerMessage(LogLevel.Warning, "Message {MessageId} of job {JobId} waits for a newer worker, and others may wait too: {Reason}")]
    private static partial void LogPostponed(ILogger logger, Guid messageId, string? jobId, string reason);

    [LoggerMessage(LogLevel.Warning, "A message that waits for a newer worker could not be put at the end of its queue; retrying")]
    private static partial void LogNotPublished(ILogger logger, Exception exception);
}
