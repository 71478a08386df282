using Npgsql;

namespace Processor.Worker.Backlog;

/// <summary>What waits in the database.</summary>
/// <param name="OutboxAge">Of the oldest message; zero when there is none.</param>
/// <param name="NearestExpiry">Until the next download of a job expires; null when none is known to.</param>
internal sealed record DatabaseBacklog(long OutboxMessages, TimeSpan OutboxAge, long QuarantinedEvents, TimeSpan? NearestExpiry)
{
    public static NpgsqlCommand Select(DateTimeOffset now) => new(
        """
        select (select count(*) from outbox_message),
               (select created_at from outbox_message order by id limit 1),
               (select count(*) from quarantined_events),
               (select min(download_expires_at) from jobs where download_expires_at > $1)
        """)
    {
        Parameters = { new NpgsqlParameter<DateTime> { TypedValue = now.UtcDateTime } },
    };

    /// <param name="now">To tell ages by.</param>
    public static DatabaseBacklog Read(NpgsqlDataReader row, DateTimeOffset now) => new(
        row.GetInt64(0),
        // Written by the clock of another machine, perhaps.
        Time(row, 1) is { } oldest && oldest < now ? now - oldest : TimeSpan.Zero,
        row.GetInt64(2),
        Time(row, 3) - now);

    private static DateTimeOffset? Time(NpgsqlDataReader row, int column) =>
        row.IsDBNull(column) ? null : row.GetFieldValue<DateTimeOffset>(column);
}
