using Npgsql;
using NpgsqlTypes;
using Processor.Worker.Persistence;

namespace Processor.Worker.Replays;

/// <summary>The statements on <c>replays</c> of the worker that runs them. The caller's transaction keeps the row locked meanwhile.</summary>
internal static class ReplayTable
{
    /// <summary>
    /// Locks the oldest running replay whose next chunk is due and that no other worker has locked; null when there is none. One that only a newer version
    /// can read is left to its workers.
    /// </summary>
    public static async Task<Replay?> TakeOldestAsync(DateTimeOffset now, NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var newer = new List<Guid>();
        while (true)
        {
            await using var command = new NpgsqlCommand(
                $"""
                select {Replay.Columns} from replays
                where status = 'running' and (next_chunk_at is null or next_chunk_at <= $1) and id <> all($2)
                order by created_at limit 1 for update skip locked
                """,
                connection)
            {
                Parameters = { new NpgsqlParameter<DateTime> { TypedValue = now.UtcDateTime }, new NpgsqlParameter<Guid[]> { TypedValue = [.. newer] } },
            };
            await using var row = await command.ExecuteReaderAsync(cancellationToken);
            if (!await row.ReadAsync(cancellationToken))
            {
                return null;
            }

            try
            {
                return Replay.Read(row);
            }
            catch (NewerVersionException)
            {
                newer.Add(row.GetGuid(0));
            }
        }
    }

    public static async Task<bool> IsOutboxFullAsync(NpgsqlConnection connection, int limit, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("select count(*) >= $1 from (select from outbox_message limit $1) as waiting", connection)
        {
            Parameters = { new NpgsqlParameter<int> { TypedValue = limit } },
        };
        return (bool)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>Moves the position behind the events of a chunk.</summary>
    /// <param name="nextChunkAt">The earliest time of the next chunk.</param>
    /// <param name="finishedAt">Null while there may be more events.</param>
    public static async Task AdvanceAsync(
        Guid id,
        IReadOnlyList<ReplayedEvent> events,
        (int Published, int Notified) done,
        DateTimeOffset nextChunkAt,
        DateTimeOffset? finishedAt,
        NpgsqlConnection connection,
        CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """
            update replays
            set position_at = coalesce($2, position_at), position_id = coalesce($3, position_id), examined = examined + $4,
                published = published + $5, notified = notified + $6, finished_at = $7, next_chunk_at = $8,
                status = case when $7 is null then 'running' else 'completed' end
            where id = $1
            """,
            connection)
        {
            Parameters =
            {
                new NpgsqlParameter<Guid> { TypedValue = id },
                new NpgsqlParameter<DateTime?> { TypedValue = events is [.., var last] ? last.ReceivedAt.UtcDateTime : null, NpgsqlDbType = NpgsqlDbType.TimestampTz },
                new NpgsqlParameter<Guid?> { TypedValue = events is [.., var also] ? also.EventId : null, NpgsqlDbType = NpgsqlDbType.Uuid },
                new NpgsqlParameter<int> { TypedValue = events.Count },
                new NpgsqlParameter<int> { TypedValue = done.Published },
                new NpgsqlParameter<int> { TypedValue = done.Notified },
                new NpgsqlParameter<DateTime?> { TypedValue = finishedAt?.UtcDateTime, NpgsqlDbType = NpgsqlDbType.TimestampTz },
                new NpgsqlParameter<DateTime> { TypedValue = nextChunkAt.UtcDateTime },
            },
        };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    public static async Task FailAsync(Guid id, string error, DateTimeOffset now, NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("update replays set status = 'failed', error = $2, finished_at = $3 where id = $1", connection)
        {
            Parameters =
            {
                new NpgsqlParameter<Guid> { TypedValue = id },
                new NpgsqlParameter<string> { TypedValue = error },
                new NpgsqlParameter<DateTime> { TypedValue = now.UtcDateTime },
            },
        };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
