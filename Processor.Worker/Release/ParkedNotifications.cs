using System.Runtime.CompilerServices;
using Npgsql;
using Processor.Worker.Notifications;
using Processor.Worker.Persistence;

namespace Processor.Worker.Release;

/// <summary>The notifications that were given up. Released ones are due at once, with all their attempts.</summary>
internal sealed class ParkedNotifications(NpgsqlDataSource database, TimeProvider time) : IParkingPlace<ParkedNotification>
{
    private const int ChunkSize = 500;

    public string Name => "notifications";

    public async Task<long> CountAsync(CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand("select count(*) from notifications where status = 'parked'");
        return (long)(await command.ExecuteScalarAsync(cancellationToken) ?? 0L);
    }

    public async IAsyncEnumerable<IReadOnlyList<ParkedNotification>> ReadAsync(long count, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ParkedNotification? last = null;
        for (var left = count; left > 0; left -= ChunkSize)
        {
            var chunk = await ReadChunkAsync(last, cancellationToken);
            if (chunk.Count == 0)
            {
                yield break;
            }

            last = chunk[^1];
            yield return chunk;
        }
    }

    /// <summary>Does nothing: a notification is a row, and <see cref="SettleAsync"/> makes it due.</summary>
    public Task PublishAsync(ParkedNotification message, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task SettleAsync(IReadOnlyList<ParkedNotification> released, IReadOnlyList<ParkedNotification> kept, CancellationToken cancellationToken) =>
        ExecuteAsync(NotificationReset.Parked([.. released.Select(one => one.Key)], time.GetUtcNow()), cancellationToken);

    /// <summary>Marks them as superseded: they have no body to keep, and the job still has its end.</summary>
    public Task DiscardAsync(IReadOnlyList<ParkedNotification> discarded, IReadOnlyList<ParkedNotification> kept, CancellationToken cancellationToken) =>
        ExecuteAsync(NotificationReset.Discard([.. discarded.Select(one => one.Key)]), cancellationToken);

    private async Task ExecuteAsync(NpgsqlBatchCommand command, CancellationToken cancellationToken)
    {
        await using var batch = database.CreateBatch();
        batch.BatchCommands.Add(command);
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    // By the index notifications_parked.
    private async Task<IReadOnlyList<ParkedNotification>> ReadChunkAsync(ParkedNotification? after, CancellationToken cancellationToken)
    {
        var conditions = new Conditions();
        conditions.Add("status = 'parked'");
        if (after is not null)
        {
            var (jobId, outcome, channel) = after.Key;
            conditions.Add(
                $"(decided_at, job_id, outcome, channel) > ({conditions.Parameter(after.DecidedAt)}, {conditions.Parameter(jobId)}, "
                + $"{conditions.Parameter(outcome)}, {conditions.Parameter(channel)})");
        }

        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var command = conditions.CreateCommand(
            connection,
            $"""
            select job_id, outcome, channel, decided_at, last_error from notifications {conditions.Where}
            order by decided_at, job_id, outcome, channel limit {ChunkSize}
            """);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var chunk = new List<ParkedNotification>();
        while (await row.ReadAsync(cancellationToken))
        {
            chunk.Add(ParkedNotification.Read(row));
        }

        return chunk;
    }
}

/// <summary>A notification that was given up.</summary>
internal sealed class ParkedNotification : ParkedMessage
{
    public required (string JobId, string Outcome, string Channel) Key { get; init; }

    public required DateTimeOffset DecidedAt { get; init; }

    public static ParkedNotification Read(NpgsqlDataReader row)
    {
        var key = (JobId: row.GetString(0), Outcome: row.GetString(1), Channel: row.GetString(2));
        var decidedAt = row.GetFieldValue<DateTimeOffset>(3);
        return new ParkedNotification
        {
            Id = $"{key.Channel}:{key.Outcome}:{key.JobId}",
            MessageId = null,
            EventType = $"job.{key.Outcome}",
            JobId = key.JobId,
            Reason = $"{key.Channel}: {(row.IsDBNull(4) ? "no reason given" : row.GetString(4))}",
            ParkedAt = decidedAt,
            IsUsable = true,
            Key = key,
            DecidedAt = decidedAt,
        };
    }
}
