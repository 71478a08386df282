using Npgsql;
using Processor.Worker.Jobs;
using Processor.Worker.Persistence;

namespace Processor.Worker.Notifications;

/// <summary>What became of an attempt, as it is written down.</summary>
/// <param name="NextAttemptAt">Of no meaning unless it is still <see cref="NotificationStatus.Pending"/>.</param>
/// <param name="Error">Why it failed. Null when it did not.</param>
internal sealed record Settlement(Notice Notice, NotificationStatus Status, DateTimeOffset SettledAt, DateTimeOffset NextAttemptAt, string? Error)
{
    public static Settlement Of(Notice notice, Delivery delivery, DateTimeOffset now)
    {
        var next = RetrySchedule.Next(notice.Attempt, notice.DecidedAt, now, Random.Shared.NextDouble(), delivery.RetryAfter);
        var status = delivery.Outcome switch
        {
            _ when notice.IsSuperseded => NotificationStatus.Superseded,
            DeliveryOutcome.Delivered => NotificationStatus.Delivered,
            DeliveryOutcome.Failed when next is not null => NotificationStatus.Pending,
            _ => NotificationStatus.Parked,
        };
        return new Settlement(notice, status, now, status is NotificationStatus.Pending ? next!.Value : now, delivery.Reason);
    }

    /// <summary>
    /// Of several attempts of one notification, whose leases have ended, the one that counts: that was delivered, whatever the others say,
    /// or else the last. An update takes any of several rows.
    /// </summary>
    public static IReadOnlyList<Settlement> OnePerNotification(IEnumerable<Settlement> attempts) =>
    [
        .. attempts.GroupBy(attempt => attempt.Notice.Id).Select(same => same
            .OrderByDescending(attempt => attempt.Status is NotificationStatus.Delivered).ThenByDescending(attempt => attempt.Notice.Attempt).First()),
    ];

    /// <summary>Waits until the rows are ours. Always in the order of their keys, so that two groups cannot wait for each other.</summary>
    public static NpgsqlBatchCommand Lock(IReadOnlyList<Settlement> rows) => new(
        """
        select
        from (select * from unnest($1, $2, $3) as one (job_id, outcome, channel) order by job_id, outcome, channel) as settled
        -- Row by row, and so in that order.
        cross join lateral (
            select from notifications as one
            where one.job_id = settled.job_id and one.outcome = settled.outcome and one.channel = settled.channel
            for update) as locked
        """)
    {
        Parameters =
        {
            Column.Text(rows, row => row.Notice.JobId),
            Column.Text(rows, row => Job.StatusText(row.Notice.Outcome)),
            Column.Text(rows, row => row.Notice.Channel),
        },
    };

    /// <summary>Writes down what became of attempts; nothing where another attempt has gone past it, unless it was delivered.</summary>
    /// <param name="rows">No two of the same notification.</param>
    public static NpgsqlBatchCommand Update(IReadOnlyList<Settlement> rows) => new(
        """
        update notifications
        set status = settled.status, next_attempt_at = settled.next_attempt_at, last_error = coalesce(settled.error, last_error),
            delivered_at = case when settled.status = 'delivered' then settled.settled_at end
        from unnest($1, $2, $3, $4, $5, $6, $7, $8) as settled (job_id, outcome, channel, attempt, status, settled_at, next_attempt_at, error)
        where notifications.job_id = settled.job_id and notifications.outcome = settled.outcome and notifications.channel = settled.channel
            -- Not "in ('pending', 'sending')": the index of what is due would answer to that, and be read through for each row.
            and notifications.status not in ('delivered', 'superseded', 'parked')
            and (notifications.attempts = settled.attempt or settled.status = 'delivered')
        """)
    {
        Parameters =
        {
            Column.Text(rows, row => row.Notice.JobId),
            Column.Text(rows, row => Job.StatusText(row.Notice.Outcome)),
            Column.Text(rows, row => row.Notice.Channel),
            Column.Bigint(rows, row => row.Notice.Attempt),
            Column.Text(rows, row => row.Status.Name()),
            Column.Time(rows, row => row.SettledAt),
            Column.Time(rows, row => row.NextAttemptAt),
            Column.Text(rows, row => row.Error),
        },
    };
}
