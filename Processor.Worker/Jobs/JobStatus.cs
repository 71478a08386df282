namespace Processor.Worker.Jobs;

/// <summary>
/// The status of a job. The order is total and is the whole state machine: a job only ever moves to a higher status, regardless of
/// the order in which its events arrive. <see cref="Completed"/> wins over <see cref="Failed"/> because it carries the result.
/// </summary>
internal enum JobStatus
{
    /// <summary>Registered, but no event has arrived.</summary>
    Queued,

    /// <summary>A <c>started</c> event arrived.</summary>
    Rendering,

    /// <summary>Canceled in the web app, or deleted. The sender emits no event: the API reported it (<c>Reconciliation/</c>).</summary>
    Canceled,

    /// <summary>An <c>errored</c> event arrived.</summary>
    Failed,

    /// <summary>A <c>completed</c> event arrived.</summary>
    Completed,
}
