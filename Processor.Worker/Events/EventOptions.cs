using System.ComponentModel.DataAnnotations;

namespace Processor.Worker.Events;

/// <summary>How events are consumed. Section <c>Events</c>.</summary>
internal sealed class EventOptions : IValidatableObject
{
    public const string Section = "Events";

    /// <summary>
    /// Messages in flight at once: the prefetch, and the bound of a group commit up to 512. The worker fetches no more than it processes,
    /// because messages that are only prefetched are redelivered at every stop and count towards the delivery limit. 1 to 2000, the maximum
    /// a quorum queue gives a consumer; default 512.
    /// </summary>
    [Range(1, 2000)]
    public int InWork { get; set; } = 512;

    /// <summary>
    /// Bytes of messages in flight at once, as they are on the broker, where base64 makes a body a third longer. Each byte takes up to
    /// eight in memory (<see cref="Inbox.DeliveryBudget.Copies"/>). A larger message is processed alone. 1 MiB to 1 GiB; default 4 MiB, of
    /// which 512 real events take less than 2.
    /// </summary>
    [Range(1024L * 1024, 1024L * 1024 * 1024)]
    public long BytesInWork { get; set; } = 4 * 1024 * 1024;

    /// <summary>
    /// A folder that outlives the process and belongs to this worker only, such as a volume of its pod. A worker that was killed starts its
    /// next run with an eighth of the concurrency, until 2000 messages are settled. Default: none, and every run starts with the full
    /// concurrency.
    /// </summary>
    public string StateDirectory { get; set; } = "";

    /// <summary>The file of <see cref="Inbox.RunMarker"/>; null without a <see cref="StateDirectory"/>.</summary>
    internal string? RunMarker => string.IsNullOrWhiteSpace(StateDirectory) ? null : Path.Combine(StateDirectory, "processor-worker.running");

    /// <summary>
    /// How long events may wait in a queue without a consumer before liveness fails for a worker that believes it consumes: a restart
    /// attaches a new consumer. Must be longer than any reconnect takes. 30 seconds to 1 hour; default 5 minutes.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:30", "01:00:00")]
    public TimeSpan LostAfter { get; set; } = TimeSpan.FromMinutes(5);

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (RunMarker is not null && !Directory.Exists(StateDirectory))
        {
            yield return new ValidationResult($"'{StateDirectory}' is not a folder.", [nameof(StateDirectory)]);
        }
    }
}
