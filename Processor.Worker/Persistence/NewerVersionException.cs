namespace Processor.Worker.Persistence;

/// <summary>
/// A row has content that this version cannot read. Only the worker writes these rows, so a newer version wrote it. Work that needs the row
/// waits for a newer worker, which the rollout that wrote the row will start.
/// </summary>
/// <param name="what">A description of the unreadable content; never its value.</param>
internal sealed class NewerVersionException(string what, Exception? cause = null)
    : Exception($"A newer version of the worker wrote {what} that this one cannot read.", cause);
