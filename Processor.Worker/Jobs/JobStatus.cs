namespace Processor.Worker.Jobs;

/// <summary>
/// Where a job stands. The order is total and is the whole state machine: a job only ever moves to a greater state, whatever
/// the order in which its events arrive. <see cref="Completed"/> wins over <see cref="Failed"/> because it carries the result.
/// </summary>
internal enum JobStatus
{
    /// <summary>Known, but no event has arrived.</summary>
    Queued,

    /// <summary>A <c>started</c> event arrived.</summary>
    Rendering,

    /// <summary>Canceled in the web app. No event says so: the sender emits none.</summary>
    Canceled,

    /// <summary>An <c>errored</c> event arrived.</summary>
    Failed,

    /// <summary>A <c>completed</c> event arrived.</summary>
    Completed,
}
