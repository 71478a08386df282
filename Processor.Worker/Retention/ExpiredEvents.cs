using System.Runtime.CompilerServices;
using Npgsql;
using Processor.Worker.Jobs;
using Processor.Worker.Persistence;

namespace Processor.Worker.Retention;

/// <summary>
/// Events with their identities, job by job: a job is a function of all of its events, so they go together, once the last has expired. The
/// events of a job that has not ended stay, and so do those behind a notification that is pending or parked.
/// </summary>
/// <remarks>
/// A chunk takes the locks of its jobs (<see cref="JobLock"/>) that are free and skips the others: it never waits for a group commit. A group that
/// needs one of them waits for the end of the chunk, a few milliseconds.
/// </remarks>
internal sealed class ExpiredEvents(TimeSpan window) : IRetentionRule
{
    private const int PageSize = 1000;

    public string Table => "webhook_events";

    public TimeSpan Window => window;

    public Task<long> CountAsync(RetentionSession session, DateTimeOffset before, CancellationToken cancellationToken) => session.CountAsync(
        """
        select count(*)
        from webhook_events as expired
        where processed_at < $1
            and not exists (select from webhook_events as other where other.job_id = expired.job_id and other.processed_at >= $1)
            and not exists (select from jobs where magic_hour_id = expired.job_id and status in ('queued', 'rendering'))
            and not exists (
                select from notifications where notifications.job_id = expired.job_id and status not in ('delivered', 'superseded'))
        """,
        before, cancellationToken);

    public async IAsyncEnumerable<DroppedRows> DropAsync(
        RetentionSession session, DateTimeOffset before, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // By position, and not from the oldest again: rows that stay must not be read for each chunk.
        var page = await ReadPageAsync(session, Row.BeforeAll, before, cancellationToken);
        while (page.Count > 0)
        {
            var jobIds = new Queue<string>(page.Select(row => row.JobId).Distinct());
            await foreach (var rows in session.RepeatAsync(
                JobLock.MostWithoutPermit, most => DropChunkAsync(session, jobIds, before, most, cancellationToken), cancellationToken))
            {
                yield return rows;
            }

            page = await ReadPageAsync(session, page[^1], before, cancellationToken);
        }
    }

    // Rows of one commit have the same time, so the key is part of the position.
    private static async Task<IReadOnlyList<Row>> ReadPageAsync(RetentionSession session, Row after, DateTimeOffset before, CancellationToken cancellationToken)
    {
        await using var command = session.CreateCommand(
            """
            select processed_at, event_id, job_id
            from webhook_events
            where processed_at < $1 and processed_at >= $2 and (processed_at, event_id) > ($2, $3)
            order by processed_at, event_id
            limit $4
            """,
            RetentionRules.Before(before), new NpgsqlParameter<DateTime> { TypedValue = after.ProcessedAt },
            new NpgsqlParameter<Guid> { TypedValue = after.EventId }, new NpgsqlParameter<int> { TypedValue = PageSize });
        return await session.ReadAsync(command, row => new Row(row.GetDateTime(0), row.GetGuid(1), row.GetString(2)), cancellationToken);
    }

    private async Task<Chunk> DropChunkAsync(
        RetentionSession session, Queue<string> jobIds, DateTimeOffset before, int most, CancellationToken cancellationToken)
    {
        string[] chunk = [.. jobIds.Take(most)];
        await using var command = session.CreateCommand(
            "select events, identities from drop_expired_events($1, $2)", Column.Text(chunk, jobId => jobId), RetentionRules.Before(before));
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        await row.ReadAsync(cancellationToken);
        Array.ForEach(chunk, _ => jobIds.Dequeue());
        return new Chunk([new(Table, row.GetInt64(0)), new(RetentionRules.Identities, row.GetInt64(1))], IsLast: jobIds.Count == 0);
    }

    private sealed record Row(DateTime ProcessedAt, Guid EventId, string JobId)
    {
        public static Row BeforeAll { get; } = new(DateTime.SpecifyKind(DateTime.MinValue, DateTimeKind.Utc), Guid.Empty, "");
    }
}
