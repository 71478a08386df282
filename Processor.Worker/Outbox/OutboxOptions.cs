using System.ComponentModel.DataAnnotations;

namespace Processor.Worker.Outbox;

/// <summary>Publishing of domain events. Section <c>Outbox</c>.</summary>
internal sealed class OutboxOptions
{
    public const string Section = "Outbox";

    /// <summary>Rows published in one transaction, all in flight at once. 1 to 10000; default 1000.</summary>
    [Range(1, 10_000)]
    public int ChunkSize { get; set; } = 1000;

    /// <summary>
    /// Interval for sweeping rows left by a crashed replica. 1 second to 10 minutes; default 5 seconds.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan SweepInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Time limit for a chunk's confirms; after it, the chunk is put back. 1 second to 5 minutes; default 30 seconds.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:05:00")]
    public TimeSpan PublishTimeout { get; set; } = TimeSpan.FromSeconds(30);
}
