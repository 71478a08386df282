using System.Runtime.CompilerServices;
using Npgsql;

namespace Processor.Worker.Retention;

/// <summary>
/// Raw bodies: the partition of a day is dropped once all of it has expired. Bodies in the default partition are of days that had none, such as
/// that of a message released long after its receipt; they are deleted.
/// </summary>
internal sealed class ExpiredBodies(TimeSpan window) : IRetentionRule
{
    private const int ChunkSize = 200;

    // Dropping needs the partitioned table for itself for a moment. The function gives up after 500 ms, so that inserts behind it wait no
    // longer. A group commit takes far less, so that one of the attempts finds a gap.
    private const int MostAttempts = 30;
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(2);

    public string Table => "webhook_bodies";

    public TimeSpan Window => window;

    public async Task<long> CountAsync(RetentionSession session, DateTimeOffset before, CancellationToken cancellationToken) =>
        (await FindAsync(session, before, cancellationToken)).Sum(part => part.Rows);

    public async IAsyncEnumerable<DroppedRows> DropAsync(
        RetentionSession session, DateTimeOffset before, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var part in await FindAsync(session, before, cancellationToken))
        {
            if (part.Day is { } day)
            {
                await DropPartitionAsync(session, day, cancellationToken);
                yield return new DroppedRows(Table, part.Rows);
                continue;
            }

            await foreach (var rows in session.RepeatAsync(ChunkSize, most => DropStrayAsync(session, before, most, cancellationToken), cancellationToken))
            {
                yield return rows;
            }
        }
    }

    // Counted before the lock is taken: afterwards it would block inserts.
    private static async Task<IReadOnlyList<Expired>> FindAsync(RetentionSession session, DateTimeOffset before, CancellationToken cancellationToken)
    {
        await using var command = session.CreateCommand("select day, bodies from expired_webhook_bodies($1)", RetentionRules.Before(before));
        return await session.ReadAsync(
            command, row => new Expired(row.IsDBNull(0) ? null : row.GetFieldValue<DateOnly>(0), row.GetInt64(1)), cancellationToken);
    }

    private static async Task DropPartitionAsync(RetentionSession session, DateOnly day, CancellationToken cancellationToken)
    {
        for (var attempt = 1; !await TryDropAsync(session, day, cancellationToken); attempt++)
        {
            if (attempt == MostAttempts)
            {
                throw new TimeoutException($"The partition of {day:O} was in use at each of {MostAttempts} attempts.");
            }

            await session.DelayAsync(RetryInterval, cancellationToken);
        }
    }

    private static async Task<bool> TryDropAsync(RetentionSession session, DateOnly day, CancellationToken cancellationToken)
    {
        await using var command = session.CreateCommand("select drop_webhook_bodies_partition($1)", new NpgsqlParameter<DateOnly> { TypedValue = day });
        try
        {
            await command.ExecuteNonQueryAsync(cancellationToken);
            return true;
        }
        catch (PostgresException exception) when (exception.SqlState is PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.QueryCanceled)
        {
            return false;
        }
    }

    private async Task<Chunk> DropStrayAsync(RetentionSession session, DateTimeOffset before, int most, CancellationToken cancellationToken)
    {
        await using var command = session.CreateCommand(
            "select drop_expired_stray_bodies($1, $2)", RetentionRules.Before(before), new NpgsqlParameter<int> { TypedValue = most });
        var rows = (long)(await command.ExecuteScalarAsync(cancellationToken))!;
        return new Chunk([new(Table, rows)], IsLast: rows < most);
    }

    /// <param name="Day">The day of a partition; null for the default one.</param>
    private sealed record Expired(DateOnly? Day, long Rows);
}
