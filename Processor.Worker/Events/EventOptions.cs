using System.ComponentModel.DataAnnotations;

namespace Processor.Worker.Events;

/// <summary>How events are consumed. Section <c>Events</c>.</summary>
internal sealed class EventOptions
{
    public const string Section = "Events";

    /// <summary>
    /// Messages in work at once, which is also the prefetch and bounds a group commit. More than is in work is never fetched: what is
    /// only prefetched is redelivered at every stop, and counts towards the delivery limit. 1 to 2000, the most that a quorum queue
    /// gives a consumer; default 512.
    /// </summary>
    [Range(1, 2000)]
    public int InWork { get; set; } = 512;

    /// <summary>
    /// Events that have waited for so long in a queue to which nobody is attached, although this process believes to be, make it no longer
    /// live: a restart attaches it anew. Longer than any reconnecting takes. 30 seconds to 1 hour; default 5 minutes.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:30", "01:00:00")]
    public TimeSpan LostAfter { get; set; } = TimeSpan.FromMinutes(5);
}
