using Microsoft.Extensions.Options;
using Processor.Worker.Persistence;

namespace Processor.Worker.Notifications;

/// <summary>
/// Delivers by one channel what is due, several at once and in no order. A notification is sent at least once, and again with the same id
/// when its process dies between the sending and the row, or the database is away for so long that the row cannot be written.
/// </summary>
internal sealed partial class NotificationDispatcher(
    INotificationChannel channel,
    NotificationQueue queue,
    NotificationSettler settler,
    MigrationGate gate,
    IOptions<NotificationOptions> options,
    ProcessorMetrics metrics,
    TimeProvider time,
    ILogger<NotificationDispatcher> logger) : BackgroundService
{
    private static readonly TimeSpan ExpiryInterval = TimeSpan.FromMinutes(1);

    private readonly List<Task> _inWork = [];
    private DateTimeOffset _nextExpiry;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        metrics.NotificationsBegin(channel.Name);
        if (!channel.IsConfigured)
        {
            LogOff(logger, channel.Name);
            return;
        }

        await gate.WaitAsync(stoppingToken);
        LogOn(logger, channel.Name);
        try
        {
            while (true)
            {
                var begun = await TryBeginDueAsync(stoppingToken);
                await Task.Delay(begun == 0 ? options.Value.PollInterval : options.Value.ChunkTime, time, stoppingToken);
            }
        }
        finally
        {
            // What is begun is finished: broken off, it would be unknown whether it got through.
            await FinishAsync();
        }
    }

    /// <summary>Begins to deliver what is due, as much as there is room for.</summary>
    /// <returns>How much that is.</returns>
    internal async Task<int> BeginDueAsync(CancellationToken cancellationToken)
    {
        _inWork.RemoveAll(delivery => delivery.IsCompleted);
        if (_inWork.Count == options.Value.InWork)
        {
            _inWork.Remove(await Task.WhenAny(_inWork).WaitAsync(cancellationToken));
        }

        await ParkExpiredAsync(cancellationToken);
        var room = Math.Min(options.Value.InWork - _inWork.Count, options.Value.ChunkSize);
        var due = await queue.ClaimAsync(channel.Name, room, options.Value.SendTimeout + NotificationSettler.SettleTime, cancellationToken);
        _inWork.AddRange(due.Select(DeliverAsync));
        return due.Count;
    }

    /// <summary>Returns when nothing is being sent any more.</summary>
    internal Task FinishAsync() => Task.WhenAll(_inWork);

    /// <summary>Now and then: it looks at all that waits.</summary>
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

    private async Task<int> TryBeginDueAsync(CancellationToken stoppingToken)
    {
        try
        {
            return await BeginDueAsync(stoppingToken);
        }
        catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
        {
            // The database is away; the rows stay, and the next look tries again.
            LogNotTaken(logger, exception, channel.Name);
            return 0;
        }
    }

    private async Task DeliverAsync(Notice notice)
    {
        var delivery = notice switch
        {
            { IsSuperseded: true } => Delivery.Refused("the job has completed after all"),
            { Address: "" } => Delivery.Refused("no address any more"),
            _ => await SendAsync(notice),
        };
        await settler.SettleAsync(Settlement.Of(notice, delivery, time.GetUtcNow()));
    }

    private async Task<Delivery> SendAsync(Notice notice)
    {
        using var timeout = new CancellationTokenSource(options.Value.SendTimeout, time);
        try
        {
            return await channel.SendAsync(notice, timeout.Token);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested)
        {
            return Delivery.Failed($"no answer within {options.Value.SendTimeout.TotalSeconds:0} s");
        }
        catch (Exception exception)
        {
            // Its message may hold an address: only its kind is told.
            return Delivery.Failed(exception.GetType().Name);
        }
    }

    [LoggerMessage(LogLevel.Information, "Owners of jobs are told by {Channel}")]
    private static partial void LogOn(ILogger logger, string channel);

    [LoggerMessage(LogLevel.Information, "Nobody is told by {Channel}: it is not configured")]
    private static partial void LogOff(ILogger logger, string channel);

    [LoggerMessage(LogLevel.Warning, "Parked {Count} notifications that could not be delivered within {Lifetime}")]
    private static partial void LogExpired(ILogger logger, int count, TimeSpan lifetime);

    [LoggerMessage(LogLevel.Warning, "What is due by {Channel} could not be taken now")]
    private static partial void LogNotTaken(ILogger logger, Exception exception, string channel);
}
