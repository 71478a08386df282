using System.ComponentModel.DataAnnotations;

namespace Processor.Worker.Outbox;

/// <summary>How domain events leave. Section <c>Outbox</c>.</summary>
internal sealed class OutboxOptions
{
    public const string Section = "Outbox";

    /// <summary>Rows published in one transaction, all in flight at once. 1 to 10000; default 1000.</summary>
    [Range(1, 10_000)]
    public int ChunkSize { get; set; } = 1000;

    /// <summary>
    /// How often rows are looked for that nobody told of: those of a replica that has died. 1 second to 10 minutes; default 5 seconds.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan SweepInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a chunk may wait for its confirms before it is put back. 1 second to 5 minutes; default 30 seconds.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:05:00")]
    public TimeSpan PublishTimeout { get; set; } = TimeSpan.FromSeconds(30);
}
