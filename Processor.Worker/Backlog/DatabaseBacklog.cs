using Npgsql;

namespace Processor.Worker.Backlog;

/// <summary>What waits in the database.</summary>
/// <param name="OutboxAge">Of the oldest message; zero when there is none.</param>
/// <param name="NearestExpiry">Until the next download of a job expires; null when none is known to.</param>
internal sealed record DatabaseBacklog(
    long OutboxMessages, TimeSpan OutboxAge, long QuarantinedEvents, TimeSpan? NearestExpiry, NotificationBacklog Notifications)
{
    public static NpgsqlCommand Select(DateTimeOffset now) => new(
        """
        select (select count(*) from outbox_message),
               (select created_at from outbox_message order by id limit 1),
               (select count(*) from quarantined_events),
               (select min(download_expires_at) from jobs where download_expires_at > $1),
               (select count(*) from notifications where status in ('pending', 'sending')),
               (select min(next_attempt_at) from notifications where status in ('pending', 'sending')),
               (select count(*) from notifications where status = 'parked')
        """)
    {
        Parameters = { new NpgsqlParameter<DateTime> { TypedValue = now.UtcDateTime } },
    };

    /// <param name="now">To tell ages by.</param>
    public static DatabaseBacklog Read(NpgsqlDataReader row, DateTimeOffset now) => new(
        row.GetInt64(0),
        Age(row, 1, now),
        row.GetInt64(2),
        Time(row, 3) - now,
        new NotificationBacklog(row.GetInt64(4), Age(row, 5, now), row.GetInt64(6)));

    // Later than now it may be by the clock of another machine, or because it is not due yet.
    private static TimeSpan Age(NpgsqlDataReader row, int column, DateTimeOffset now) =>
        Time(row, column) is { } since && since < now ? now - since : TimeSpan.Zero;

    private static DateTimeOffset? Time(NpgsqlDataReader row, int column) =>
        row.IsDBNull(column) ? null : row.GetFieldValue<DateTimeOffset>(column);
}

/// <summary>The owners of jobs who wait to be told.</summary>
/// <param name="Waiting">Not sent yet, or to be sent again.</param>
/// <param name="OldestDueAge">How long the one that is due the longest has been due; zero when nothing is.</param>
/// <param name="Parked">Given up, for a person to look at.</param>
internal sealed record NotificationBacklog(long Waiting, TimeSpan OldestDueAge, long Parked);
