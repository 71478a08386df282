using Microsoft.Extensions.Options;
using Processor.Worker.Migrate;

namespace Processor.Worker.Notifications;

/// <summary>
/// Delivers due notifications on one channel, several at once and in no particular order. A notification is sent at least once. It is
/// sent again with the same id when the process crashes before the result is stored, or when a database outage outlasts the settlement.
/// </summary>
internal sealed partial class NotificationDispatcher(
    INotificationChannel channel,
    NotificationQueue queue,
    NotificationSettler settler,
    NotificationDownloads downloads,
    MigrationGate gate,
    IOptions<NotificationOptions> options,
    ProcessorMetrics metrics,
    TimeProvider time,
    ILogger<NotificationDispatcher> logger) : BackgroundService
{
    private static readonly TimeSpan ExpiryInterval = TimeSpan.FromMinutes(1);

    // Between attempts during an outage: each costs a connection and a log line.
    private static readonly TimeSpan LongestFailurePause = TimeSpan.FromSeconds(15);

    private readonly List<Attempt> _inWork = [];
    private readonly Targets _targets = new(options.Value.InWork, time);
    private readonly SlowLane _slowLane = new(options.Value.SlowInWork);
    private readonly SendingPace _pace = new(options.Value.PerSecond, time);
    private DateTimeOffset _nextExpiry;
    private TimeSpan _failurePause;

    /// <summary>Attempts not yet known to be slow.</summary>
    internal int QuickInFlight => _inWork.Count(attempt => !attempt.LeftQuickLane.IsCompleted);

    /// <param name="begun">Null after a failure: the pauses double while the failures continue.</param>
    internal TimeSpan PauseAfter(int? begun)
    {
        if (begun is null)
        {
            var doubled = Pauses.Double(_failurePause, LongestFailurePause);
            return _failurePause = doubled > options.Value.PollInterval ? doubled : options.Value.PollInterval;
        }

        _failurePause = TimeSpan.Zero;
        return begun == 0 ? options.Value.PollInterval : _pace.TimeUntil(options.Value.ChunkSize);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        metrics.NotificationsBegin(channel.Name);
        if (!channel.IsConfigured)
        {
            LogOff(logger, channel.Name);
            return;
        }

        await gate.WaitForSchemaAsync(stoppingToken);
        LogOn(logger, channel.Name);
        try
        {
            while (true)
            {
                var begun = await TryBeginDueAsync(stoppingToken);
                await Task.Delay(PauseAfter(begun), time, stoppingToken);
            }
        }
        finally
        {
            // Attempts in flight run to their end: aborting one would leave its result unknown.
            await FinishAsync();
        }
    }

    /// <summary>Starts deliveries of due notifications, up to the free capacity.</summary>
    /// <returns>The number started and deferred.</returns>
    internal async Task<int> BeginDueAsync(CancellationToken cancellationToken)
    {
        var room = Math.Min(await WaitForPlacesAsync(cancellationToken), options.Value.ChunkSize);
        await ParkExpiredAsync(cancellationToken);
        var deferred = _targets.LookAhead() is { } find ? await queue.DeferAsync(channel, find, cancellationToken) : 0;
        var lease = NotificationDownloads.LongestWait + options.Value.SendTimeout + NotificationSettler.SettleTime;
        var due = await queue.ClaimAsync(channel.Name, Math.Min(room, _pace.Available), lease, cancellationToken);
        _pace.Take(due.Count);
        _inWork.AddRange(due.Select(notification => Begin(notification, cancellationToken)));
        return due.Count + deferred;
    }

    /// <summary>Completes once no attempt is in flight.</summary>
    internal Task FinishAsync() => Task.WhenAll(_inWork.Select(attempt => attempt.Done));

    /// <summary>Waits for free capacity and returns it.</summary>
    private async Task<int> WaitForPlacesAsync(CancellationToken cancellationToken)
    {
        var all = channel.HasTargets ? options.Value.QuickInWork : options.Value.InWork;
        _inWork.RemoveAll(attempt => attempt.Done.IsCompleted);
        if (QuickInFlight >= all)
        {
            await Task.WhenAny(_inWork.Select(attempt => attempt.LeftQuickLane).Where(left => !left.IsCompleted)).WaitAsync(cancellationToken);
        }

        return all - QuickInFlight;
    }

    /// <summary>Runs at an interval, because it scans all open notifications.</summary>
    private async Task ParkExpiredAsync(CancellationToken cancellationToken)
    {
        if (time.GetUtcNow() < _nextExpiry)
        {
            return;
        }

        _nextExpiry = time.GetUtcNow() + ExpiryInterval;
        if (await queue.ParkExpiredAsync(cancellationToken) is var expired and > 0)
        {
            LogExpired(logger, expired, NotificationQueue.Lifetime);
        }
    }

    /// <returns>Null when it failed, usually because of the database.</returns>
    internal async Task<int?> TryBeginDueAsync(CancellationToken stoppingToken)
    {
        try
        {
            return await BeginDueAsync(stoppingToken);
        }
        catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
        {
            // The rows stay, and the next poll tries again.
            LogNotTaken(logger, exception, channel.Name);
            return null;
        }
    }

    private Attempt Begin(NotificationDelivery notification, CancellationToken stoppingToken)
    {
        var leftQuickLane = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return new Attempt(DeliverAsync(notification, leftQuickLane, stoppingToken), leftQuickLane.Task);
    }

    private async Task DeliverAsync(NotificationDelivery notification, TaskCompletionSource leftQuickLane, CancellationToken stoppingToken)
    {
        var delivery = notification switch
        {
            { IsSuperseded: true } => Delivery.Refused("the job has completed after all"),
            { Address: "" } => Delivery.Refused("no address any more"),
            _ => await SendFreshAsync(notification, leftQuickLane, stoppingToken),
        };
        await settler.SettleAsync(AttemptResult.From(notification, delivery, time.GetUtcNow()));
        leftQuickLane.TrySetResult();
    }

    private async Task<Delivery> SendFreshAsync(NotificationDelivery notification, TaskCompletionSource leftQuickLane, CancellationToken stoppingToken)
    {
        // Stopping ends only the wait for fresh URLs: the attempt itself runs to its end.
        var fresh = await downloads.RefreshAsync(notification, stoppingToken);
        return channel.FindTarget(fresh.Address) is { } target
            ? await SendToTargetAsync(fresh, target, leftQuickLane)
            : await SendAsync(fresh, CancellationToken.None);
    }

    /// <summary>An attempt that becomes slow moves from the quick lane to the slow lane and frees its slot.</summary>
    private async Task<Delivery> SendToTargetAsync(NotificationDelivery notification, string target, TaskCompletionSource leftQuickLane)
    {
        if (_targets.Enter(target) is { } wait)
        {
            return Delivery.Deferred(wait.Time);
        }

        using var breakOff = new CancellationTokenSource();
        var sending = SendAsync(notification, breakOff.Token);
        var isSlow = await Task.WhenAny(sending, Task.Delay(options.Value.SlowAfter, time, CancellationToken.None)) != sending;
        if (isSlow)
        {
            _targets.Slow(target);
            _slowLane.Enter(breakOff);
            leftQuickLane.TrySetResult();
        }

        var delivery = await sending;
        _slowLane.Leave(breakOff);
        // An immediate refusal occupies no slot, so RetrySchedule alone sets its retries.
        _targets.Leave(target, isSlow, isSlow ? delivery.IsAnswered : true);
        return delivery;
    }

    private async Task<Delivery> SendAsync(NotificationDelivery notification, CancellationToken brokenOff)
    {
        var began = time.GetTimestamp();
        using var timeout = new CancellationTokenSource(options.Value.SendTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, brokenOff);
        try
        {
            return await channel.SendAsync(notification, either.Token);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested)
        {
            return Delivery.Unanswered($"no answer within {options.Value.SendTimeout.TotalSeconds:0} s");
        }
        catch (OperationCanceledException) when (brokenOff.IsCancellationRequested)
        {
            return Delivery.BrokenOff($"broken off after {time.GetElapsedTime(began).TotalSeconds:0.0} s: too many targets are slow");
        }
        catch (Exception exception)
        {
            // The exception's message may contain an address: log only its type.
            return Delivery.Failed(exception.GetType().Name);
        }
    }

    /// <param name="LeftQuickLane">Completed at the latest with <paramref name="Done"/>.</param>
    private sealed record Attempt(Task Done, Task LeftQuickLane);

    [LoggerMessage(LogLevel.Information, "Job owners are notified on channel {Channel}")]
    private static partial void LogOn(ILogger logger, string channel);

    [LoggerMessage(LogLevel.Information, "Channel {Channel} is not configured; it sends no notifications")]
    private static partial void LogOff(ILogger logger, string channel);

    [LoggerMessage(LogLevel.Warning, "Parked {Count} notifications that could not be delivered within {Lifetime}")]
    private static partial void LogExpired(ILogger logger, int count, TimeSpan lifetime);

    [LoggerMessage(LogLevel.Warning, "Could not claim due notifications on channel {Channel}; trying again")]
    private static partial void LogNotTaken(ILogger logger, Exception exception, string channel);
}
