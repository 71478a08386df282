namespace Processor.Worker.Notifications;

/// <summary>
/// A way to tell the owner of a job that it has ended. An implementation keeps what <c>ChannelConformanceTests</c> ask of all.
/// </summary>
internal interface INotificationChannel
{
    /// <summary>As <c>notifications.channel</c> and the metrics have it.</summary>
    string Name { get; }

    /// <summary>False: its settings are missing, and nothing is sent by it. What is decided meanwhile waits, for a day.</summary>
    bool IsConfigured { get; }

    /// <summary>
    /// Tries once. Whoever receives a notice twice, because it is unknown whether the first attempt got through, can tell by an id that is
    /// the same both times (<see cref="Notice.Id"/>).
    /// </summary>
    /// <param name="cancellationToken">The attempt has taken too long; nothing else cancels it.</param>
    /// <returns>What became of it; an expected failure is no exception.</returns>
    Task<Delivery> SendAsync(Notice notice, CancellationToken cancellationToken);
}

/// <summary>What became of one attempt to deliver.</summary>
/// <param name="Reason">Why it failed, for the log and the table: no address, no secret, nothing that a stranger chose. Null when it did not.</param>
/// <param name="RetryAfter">How long the other side asks to be left alone. Null when it does not.</param>
internal readonly record struct Delivery(DeliveryOutcome Outcome, string? Reason, TimeSpan? RetryAfter)
{
    public static Delivery Delivered => new(DeliveryOutcome.Delivered, null, null);

    /// <summary>It may succeed later.</summary>
    public static Delivery Failed(string reason, TimeSpan? retryAfter = null) => new(DeliveryOutcome.Failed, reason, retryAfter);

    /// <summary>It would never succeed.</summary>
    public static Delivery Refused(string reason) => new(DeliveryOutcome.Refused, reason, null);
}

internal enum DeliveryOutcome
{
    Delivered,
    Failed,
    Refused,
}
