using System.ComponentModel.DataAnnotations;

namespace Processor.Worker.Notifications;

/// <summary>How owners are told, by whichever channel. Section <c>Notifications</c>.</summary>
internal sealed class NotificationOptions
{
    public const string Section = "Notifications";

    /// <summary>
    /// Notifications that are being sent at once, by each channel of each process: one that is slow does not hold up the others, and no
    /// other channel. 1 to 1000; default 16.
    /// </summary>
    [Range(1, 1000)]
    public int InWork { get; set; } = 16;

    /// <summary>
    /// Notifications that are begun in a second, at most, by each channel of each process. Where a process has several roles, it bounds what
    /// a wave of ended jobs can take from the events: a notification costs as much as several of them. 1 to 10000; default 100.
    /// </summary>
    [Range(1, 10_000)]
    public int PerSecond { get; set; } = 100;

    /// <summary>How often it is looked for what is due. 100 ms to 1 minute; default 1 second.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")]
    public TimeSpan PollInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How long one attempt may take in all; after that, it has failed. 1 to 25 seconds; default 20 seconds.</summary>
    /// <remarks>A stopping process finishes its attempts: within the 35 s that a worker takes to stop.</remarks>
    [Range(typeof(TimeSpan), "00:00:01", "00:00:25")]
    public TimeSpan SendTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>Notifications that are taken at once: taking few costs as much as taking many.</summary>
    public int ChunkSize => Math.Min(InWork, PerSecond);

    /// <summary>For how long a chunk must last, so that no more than <see cref="PerSecond"/> are begun.</summary>
    public TimeSpan ChunkTime => TimeSpan.FromSeconds(1) * ChunkSize / PerSecond;
}
