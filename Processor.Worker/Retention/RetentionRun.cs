using Microsoft.Extensions.Options;
using Npgsql;
using Processor.Worker.Persistence;

namespace Processor.Worker.Retention;

/// <summary>
/// A run over all tables, by one process at a time. A killed run loses nothing: the next one continues.
/// </summary>
internal sealed partial class RetentionRun(
    IOptions<RetentionOptions> options,
    DirectSessions sessions,
    ProcessorMetrics metrics,
    TimeProvider time,
    ILogger<RetentionRun> logger)
{
    private const int LongestError = 500;

    /// <param name="unlessSince">Does nothing if another run has succeeded since then; null to run anyway.</param>
    /// <param name="show">Called with each row of the report; last that of all tables.</param>
    /// <exception cref="NpgsqlException">The database is unavailable. What was dropped until then is.</exception>
    public async Task<RunOutcome> RunAsync(DateTimeOffset? unlessSince, Action<RetentionRecord> show, CancellationToken cancellationToken)
    {
        await using var session = await RetentionSession.OpenAsync(sessions, time, cancellationToken);
        if (!await session.TryLockAsync(cancellationToken))
        {
            return RunOutcome.RunsElsewhere;
        }

        if (unlessSince is { } since && await RetentionRecord.HasSucceededSinceAsync(session, since, cancellationToken))
        {
            return RunOutcome.Succeeded;
        }

        var now = time.GetUtcNow();
        var run = new Totals(Guid.CreateVersion7(now), now, time);
        foreach (var rule in RetentionRules.Create(options.Value).Where(rule => rule.Window > TimeSpan.Zero))
        {
            await ReportAsync(session, await DropAsync(session, rule, run, cancellationToken), show, cancellationToken);
        }

        await ReportAsync(session, run.Identities(), show, cancellationToken);
        await ReportAsync(session, run.AllTables(), show, cancellationToken);
        return run.HasFailed ? RunOutcome.Failed : RunOutcome.Succeeded;
    }

    /// <summary>Counts what a run would drop, and drops nothing.</summary>
    /// <param name="show">Called with each table and its rows.</param>
    public async Task CountAsync(Action<DroppedRows> show, CancellationToken cancellationToken)
    {
        await using var session = await RetentionSession.OpenAsync(sessions, time, cancellationToken);
        var now = time.GetUtcNow();
        foreach (var rule in RetentionRules.Create(options.Value).Where(rule => rule.Window > TimeSpan.Zero))
        {
            show(new DroppedRows(rule.Table, await rule.CountAsync(session, now - rule.Window, cancellationToken)));
        }
    }

    private async Task<RetentionRecord> DropAsync(RetentionSession session, IRetentionRule rule, Totals run, CancellationToken cancellationToken)
    {
        var (started, before) = (time.GetUtcNow(), run.StartedAt - rule.Window);
        string? error = null;
        try
        {
            await foreach (var dropped in rule.DropAsync(session, before, cancellationToken))
            {
                run.Add(dropped);
                metrics.RowsDropped(dropped.Table, dropped.Rows);
            }
        }
        // One table must not keep the others from being dropped. Without the session, and its lock, the run ends.
        catch (Exception exception) when (exception is NpgsqlException or TimeoutException && session.IsOpen)
        {
            LogFailed(logger, exception, rule.Table);
            error = exception.Message.Length > LongestError ? exception.Message[..LongestError] : exception.Message;
        }

        return run.End(rule.Table, started, error);
    }

    private async Task ReportAsync(RetentionSession session, RetentionRecord record, Action<RetentionRecord> show, CancellationToken cancellationToken)
    {
        await record.InsertAsync(session, cancellationToken);
        LogDropped(logger, record.Dropped, record.TableName, record.Duration);
        show(record);
    }

    [LoggerMessage(LogLevel.Information, "Dropped {Rows} expired rows of {Table} in {Duration}")]
    private static partial void LogDropped(ILogger logger, long rows, string table, TimeSpan duration);

    [LoggerMessage(LogLevel.Warning, "Not all expired rows of {Table} could be dropped")]
    private static partial void LogFailed(ILogger logger, Exception exception, string table);

    /// <summary>The sums of a run.</summary>
    private sealed class Totals(Guid runId, DateTimeOffset startedAt, TimeProvider time)
    {
        private readonly Dictionary<string, long> _rows = [];
        private string? _error;

        public DateTimeOffset StartedAt => startedAt;

        public bool HasFailed => _error is not null;

        public void Add(DroppedRows dropped) => _rows[dropped.Table] = _rows.GetValueOrDefault(dropped.Table) + dropped.Rows;

        public RetentionRecord End(string table, DateTimeOffset started, string? error)
        {
            _error ??= error is null ? null : $"{table}: {error}";
            return Record(table, started, time.GetUtcNow() - started, _rows.GetValueOrDefault(table)) with { Error = error };
        }

        public RetentionRecord Identities() =>
            Record(RetentionRules.Identities, startedAt, TimeSpan.Zero, _rows.GetValueOrDefault(RetentionRules.Identities));

        public RetentionRecord AllTables() =>
            Record(RetentionRecord.AllTables, startedAt, time.GetUtcNow() - startedAt, _rows.Values.Sum()) with { Error = _error };

        private RetentionRecord Record(string table, DateTimeOffset started, TimeSpan duration, long rows) =>
            new() { RunId = runId, TableName = table, StartedAt = started, Duration = duration, Dropped = rows };
    }
}

internal enum RunOutcome
{
    /// <summary>Everything that has expired is dropped, by this run or another one.</summary>
    Succeeded,

    /// <summary>Some tables still have expired rows.</summary>
    Failed,

    /// <summary>Another process is running it.</summary>
    RunsElsewhere,
}
