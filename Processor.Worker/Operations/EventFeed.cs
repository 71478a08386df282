using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Npgsql;
using Processor.Worker.Events;
using Processor.Worker.Persistence;

namespace Processor.Worker.Operations;

/// <summary>
/// Reads events in the order of their transactions. It reads only transactions that are older than every running one: they are final, so nothing
/// can appear behind a position that a reader has passed, whatever the order of the commits.
/// </summary>
internal sealed class EventFeed(OperationsDatabase database)
{
    /// <summary>Rows that one query looks at.</summary>
    public const int MaxPage = 1000;

    // The clocks of workers differ, and a group is stamped before it commits.
    private static readonly TimeSpan ClockDifference = TimeSpan.FromMinutes(1);

    /// <summary>The position behind everything that is final.</summary>
    public async Task<FeedPosition> FindEndAsync(CancellationToken cancellationToken)
    {
        var rows = await database.ReadAsync(
            connection => new NpgsqlCommand("select pg_snapshot_xmin(pg_current_snapshot())::text", connection), row => FeedPosition.Before(row.GetString(0)), cancellationToken);
        return rows[0];
    }

    /// <summary>A position before every event that was committed at a time or later; its filter leaves out the others.</summary>
    public async Task<FeedPosition> FindAsync(DateTimeOffset since, CancellationToken cancellationToken)
    {
        var rows = await database.ReadAsync(
            connection => new NpgsqlCommand(
                "select coalesce(transaction_id, '0')::text from webhook_events where processed_at >= $1 order by processed_at limit 1", connection)
            {
                Parameters = { new NpgsqlParameter<DateTime> { TypedValue = (since - ClockDifference).UtcDateTime } },
            },
            row => FeedPosition.Before(row.GetString(0)),
            cancellationToken);
        return rows is [var found] ? found : await FindEndAsync(cancellationToken);
    }

    public async Task<FeedPage> ReadAsync(EventFilter filter, DateTimeOffset? since, FeedPosition after, CancellationToken cancellationToken)
    {
        // Before the rows: every transaction below it has ended, and a later snapshot sees what it committed.
        var end = await FindEndAsync(cancellationToken);
        if (end.Transaction <= after.Transaction)
        {
            return new FeedPage([], after, IsFull: false);
        }

        var rows = await database.ReadAsync(connection => SelectPage(connection, filter, since, after, end), FeedRow.Read, cancellationToken);
        var isFull = rows is [{ Examined: MaxPage }, ..];
        return new FeedPage([.. rows.Where(row => row.Item is not null)], isFull ? rows[0].Last : end, isFull);
    }

    /// <summary>
    /// The next rows, of which the filter leaves some out. A rare type is therefore not searched for in the whole table, and the position moves on.
    /// Only the events of a job are found by its index.
    /// </summary>
    internal static NpgsqlCommand SelectPage(NpgsqlConnection connection, EventFilter filter, DateTimeOffset? since, FeedPosition after, FeedPosition end)
    {
        var conditions = new Conditions();
        (filter with { Job = null }).AddTo(conditions);
        conditions.Add("processed_at >= {0}", since);
        var (from, to) = (conditions.Parameter($"{after.Transaction}"), conditions.Parameter($"{end.Transaction}"));
        var ofJob = filter.Job is null ? "" : $"and job_id = {conditions.Parameter(filter.Job)}";
        return conditions.CreateCommand(
            connection,
            $"""
            with page as materialized (
                select event_id, event_type, job_id, received_at, processed_at, late, origin, trace_id, cardinality(variants) as variants, transaction_id
                from webhook_events
                where transaction_id >= {from}::xid8 and transaction_id < {to}::xid8 {ofJob}
                      and (transaction_id > {from}::xid8 or event_id > {conditions.Parameter(after.EventId)})
                order by transaction_id, event_id limit {MaxPage}),
            chosen as (select * from page {conditions.Where})
            select last.transaction_id::text, last.event_id, (select count(*) from page), chosen.event_id, chosen.event_type, chosen.job_id, chosen.received_at,
                   chosen.processed_at, chosen.late, chosen.origin, chosen.trace_id, chosen.variants, chosen.transaction_id::text
            from (select transaction_id, event_id from page order by transaction_id desc, event_id desc limit 1) as last left join chosen on true
            order by chosen.transaction_id, chosen.event_id
            """);
    }
}

/// <summary>
/// A place in the feed: behind an event, or before a transaction. Opaque to clients, who send it as <c>Last-Event-ID</c>.
/// </summary>
/// <param name="Transaction">PostgreSQL's 64-bit id of a transaction.</param>
/// <param name="EventId">Empty: before the first event of the transaction.</param>
internal readonly record struct FeedPosition(ulong Transaction, Guid EventId)
{
    private const char Separator = '.';

    public static FeedPosition Before(string transaction) => new(ulong.Parse(transaction, CultureInfo.InvariantCulture), Guid.Empty);

    public static bool TryParse([NotNullWhen(true)] string? text, out FeedPosition position)
    {
        var parts = (text ?? "").Split(Separator);
        position = default;
        if (parts.Length != 2 || !ulong.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var transaction) || !Guid.TryParseExact(parts[1], "N", out var eventId))
        {
            return false;
        }

        position = new FeedPosition(transaction, eventId);
        return true;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Transaction}{Separator}{EventId:N}");
}

/// <param name="Position">Behind everything that was looked at.</param>
/// <param name="IsFull">There may be more already.</param>
internal sealed record FeedPage(IReadOnlyList<FeedRow> Rows, FeedPosition Position, bool IsFull);

/// <param name="Last">Behind the last row that was looked at.</param>
/// <param name="Examined">The number of rows that were looked at.</param>
/// <param name="Position">Behind <paramref name="Item"/>.</param>
/// <param name="Item">Null when no row of the page passed the filter.</param>
internal sealed record FeedRow(FeedPosition Last, long Examined, FeedPosition Position, EventItem? Item)
{
    public static FeedRow Read(NpgsqlDataReader row)
    {
        var last = FeedPosition.Before(row.GetString(0)) with { EventId = row.GetGuid(1) };
        return row.IsDBNull(3)
            ? new FeedRow(last, row.GetInt64(2), last, null)
            : new FeedRow(last, row.GetInt64(2), FeedPosition.Before(row.GetString(12)) with { EventId = row.GetGuid(3) }, EventItem.Read(row, 3));
    }
}
