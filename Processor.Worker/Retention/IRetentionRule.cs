namespace Processor.Worker.Retention;

/// <summary>What expires in one table, and how it is dropped. The list is in <see cref="RetentionRules"/>.</summary>
internal interface IRetentionRule
{
    /// <summary>The name in <c>retention_runs</c>, in the metrics and in the output.</summary>
    string Table { get; }

    /// <summary>How long rows are kept. Zero: permanently.</summary>
    TimeSpan Window { get; }

    /// <summary>Counts the rows that <see cref="DropAsync"/> would drop, and drops nothing.</summary>
    Task<long> CountAsync(RetentionSession session, DateTimeOffset before, CancellationToken cancellationToken);

    /// <summary>
    /// Drops what is older, in pieces short enough to delay no one. It may be stopped at any moment; the next run continues where it was.
    /// </summary>
    IAsyncEnumerable<DroppedRows> DropAsync(RetentionSession session, DateTimeOffset before, CancellationToken cancellationToken);
}

/// <summary>Rows dropped in one piece.</summary>
/// <param name="Table">The table of the rule, or another one whose rows go with them.</param>
internal sealed record DroppedRows(string Table, long Rows);
