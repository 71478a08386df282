using Npgsql;
using Processor.Worker.Persistence;

namespace Processor.Worker.Backlog;

/// <summary>The backlog in the database, except for notifications (<see cref="NotificationBacklog"/>) and checks (<see cref="CheckBacklog"/>).</summary>
/// <param name="OutboxAge">Age of the oldest message; zero when there is none.</param>
/// <param name="NearestExpiry">Time until the next download of a job expires; null when no expiry is known.</param>
internal sealed record DatabaseBacklog(long OutboxMessages, TimeSpan OutboxAge, long QuarantinedEvents, TimeSpan? NearestExpiry)
{
    private const string Select =
        """
        select (select count(*) from outbox_message),
               (select created_at from outbox_message order by id limit 1),
               (select count(*) from quarantined_events where discarded_at is null),
               (select min(download_expires_at) from jobs where download_expires_at > $1 and isfinite(download_expires_at))
        """;

    public static async Task<DatabaseBacklog> ReadAsync(NpgsqlDataSource database, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(Select);
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = now.UtcDateTime });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        await row.ReadAsync(cancellationToken);
        return new DatabaseBacklog(row.GetInt64(0), Age(row, 1, now), row.GetInt64(2), row.TimeOrNull(3) - now);
    }

    /// <summary>
    /// Time since the value of a nullable column: zero when it is null, or in the future, because it is not due yet or another machine set
    /// it.
    /// </summary>
    public static TimeSpan Age(NpgsqlDataReader row, int column, DateTimeOffset now) =>
        row.TimeOrNull(column) is { } since && since < now ? now - since : TimeSpan.Zero;
}
