
namespace Processor.Worker.Notifications;

/// <summary>
/// A way to notify the owner of a job that it has ended. Every implementation must pass <c>ChannelConformanceTests</c>.
/// </summary>
internal interface INotificationChannel
{
    /// <summary>The channel's name in <c>notifications.channel</c> and in the metrics.</summary>
    string Name { get; }

    /// <summary>False when its settings are missing: it sends nothing, and its notifications stay pending for up to a day.</summary>
    bool IsConfigured { get; }

    /// <summary>False when every notification goes to the same server.</summary>
    bool HasTargets => false;

    /// <summary>
    /// The name of the server behind an address, the same for every spelling of the address; null when all addresses lead to the same
    /// server. Used to keep a slow target from delaying others.
    /// </summary>
    string? FindTarget(string address) => null;

    /// <summary>
    /// Makes one attempt. A receiver may get a notification twice when the result of the first attempt is unknown; both carry the same id
    /// (<see cref="NotificationDelivery.Id"/>).
    /// </summary>
    /// <param name="cancellationToken">Cancelled only when the attempt has exceeded its time limit.</param>
    /// <returns>The outcome. Expected failures are returned, not thrown.</returns>
    Task<Delivery> SendAsync(NotificationDelivery notification, CancellationToken cancellationToken);
}

/// <summary>The outcome of one delivery attempt.</summary>
/// <param name="Reason">Why it failed, for the log and the table: no address, no secret, no third-party text. Null on success.</param>
/// <param name="RetryAfter">The delay that the receiver asked for. Null when it did not.</param>
internal readonly record struct Delivery(DeliveryOutcome Outcome, string? Reason, TimeSpan? RetryAfter)
{
    /// <summary>Whether the target answered. Null when the attempt was aborted before its time limit.</summary>
    public bool? IsAnswered { get; init; } = true;

    public static Delivery Delivered => new(DeliveryOutcome.Delivered, null, null);

    /// <summary>A failure that a retry may fix.</summary>
    public static Delivery Failed(string reason, TimeSpan? retryAfter = null) => new(DeliveryOutcome.Failed, reason, retryAfter);

    /// <summary>No answer arrived; a retry may succeed.</summary>
    public static Delivery Unanswered(string reason) => Failed(reason) with { IsAnswered = false };

    /// <summary>The attempt was aborted before its time limit; a retry may succeed.</summary>
    public static Delivery BrokenOff(string reason) => Failed(reason) with { IsAnswered = null };

    /// <summary>No attempt was made, because the target is paused or at its limit.</summary>
    public static Delivery Deferred(TimeSpan time) => new(DeliveryOutcome.Deferred, null, time);

    /// <summary>A permanent failure: no retry would succeed.</summary>
    public static Delivery Refused(string reason) => new(DeliveryOutcome.Refused, reason, null);
}

internal enum DeliveryOutcome
{
    Delivered,
    Failed,
    Deferred,
    Refused,
}
