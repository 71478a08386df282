using Processor.Worker.Jobs;

namespace Processor.Worker.Rebuild;

/// <summary>A job beside its events.</summary>
/// <param name="Columns">The columns that differ, with <see cref="Finding.Different"/>. Names only: a report shows no content.</param>
/// <param name="Rewrite">The row as it should be; null unless it differs.</param>
internal sealed record Comparison(string JobId, Finding Finding, IReadOnlyList<string> Columns, Job? Rewrite)
{
    public bool IsDifferent => Finding is Finding.Different or Finding.Missing;
}

internal enum Finding
{
    /// <summary>The row matches its events and its registration.</summary>
    Same,

    /// <summary>Some columns do not.</summary>
    Different,

    /// <summary>There are events or a registration, and no row.</summary>
    Missing,

    /// <summary>Some or all events have expired (<c>Retention__Events</c>), so that the row knows more than they do. It stays.</summary>
    Expired,

    /// <summary>A newer version of the worker wrote the row or an event. It stays.</summary>
    Unreadable,

    /// <summary>It differs, and another transaction kept its lock. Another run writes it.</summary>
    Busy,

    /// <summary>Nothing is stored that could have made a row.</summary>
    Unknown,
}
