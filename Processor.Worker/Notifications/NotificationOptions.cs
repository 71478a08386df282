using System.ComponentModel.DataAnnotations;

namespace Processor.Worker.Notifications;

/// <summary>How owners are notified, on every channel. Section <c>Notifications</c>.</summary>
internal sealed class NotificationOptions : IValidatableObject
{
    public const string Section = "Notifications";

    /// <summary>
    /// Largest number of notifications in flight to one target, per process. A target is the mail server, or one webhook host.
    /// 1 to 1000; default 16.
    /// </summary>
    [Range(1, 1000)]
    public int InWork { get; set; } = 16;

    /// <summary>
    /// Largest number of webhooks in flight that are not slow, per process. 1 to 1000; default 128: together with the burst that
    /// <see cref="PerSecond"/> allows, 500 targets that never answer are identified as slow within three seconds.
    /// </summary>
    [Range(1, 1000)]
    public int QuickInWork { get; set; } = 128;

    /// <summary>
    /// Time after which a webhook counts as slow and moves to the slow lane, which frees its slot for others. 50 ms to 5 seconds, less than
    /// <see cref="SendTimeout"/>; default 500 ms.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00.050", "00:00:05")]
    public TimeSpan SlowAfter { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// Largest number of slow webhooks in flight, per process. Above it, the longest-running one is aborted and retried later. Each holds a
    /// connection, about 100 kB with TLS. 1 to 10000; default 512.
    /// </summary>
    [Range(1, 10_000)]
    public int SlowInWork { get; set; } = 512;

    /// <summary>
    /// Notifications started per second, by each channel of each process, on average. Unused capacity of the last three seconds may be used
    /// at once. In a process with several roles, it limits how much a wave of ended jobs can slow event processing: a notification costs as
    /// much as several events. 1 to 10000; default 100.
    /// </summary>
    [Range(1, 10_000)]
    public int PerSecond { get; set; } = 100;

    /// <summary>Polling interval for due notifications. 100 ms to 1 minute; default 1 second.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")]
    public TimeSpan PollInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Time limit of one attempt; after it, the attempt has failed. 1 to 25 seconds; default 20 seconds.</summary>
    /// <remarks>A stopping process finishes its attempts, within the 35 s that a worker may take to stop.</remarks>
    [Range(typeof(TimeSpan), "00:00:01", "00:00:25")]
    public TimeSpan SendTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>Largest number of notifications claimed per query: a small claim costs as much as a large one.</summary>
    public int ChunkSize => Math.Min(InWork, PerSecond);

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        // Otherwise no attempt would ever become slow, and targets that never answer would occupy every slot.
        if (SlowAfter >= SendTimeout)
        {
            yield return new ValidationResult($"must be less than {nameof(SendTimeout)}.", [nameof(SlowAfter)]);
        }
    }
}
