using Npgsql;
using Processor.Worker.Jobs;
using Processor.Worker.Persistence;

namespace Processor.Worker.Notifications;

/// <summary>The result of one delivery attempt, as stored.</summary>
/// <param name="NextAttemptAt">Meaningful only while the status is <see cref="NotificationStatus.Pending"/>.</param>
/// <param name="Error">Why the attempt failed. Null when it did not.</param>
internal sealed record AttemptResult(NotificationDelivery NotificationDelivery, NotificationStatus Status, DateTimeOffset SettledAt, DateTimeOffset NextAttemptAt, string? Error)
{
    /// <summary>The attempt was deferred before anything was sent.</summary>
    public bool IsDeferred => Status is NotificationStatus.Pending && Error is null;

    public static AttemptResult From(NotificationDelivery notification, Delivery delivery, DateTimeOffset now)
    {
        if (delivery is { Outcome: DeliveryOutcome.Deferred, RetryAfter: { } time })
        {
            // Jitter: notifications deferred together must not come due together.
            return new AttemptResult(notification, NotificationStatus.Pending, now, now + time * (1 + Random.Shared.NextDouble()), Error: null);
        }

        var next = RetrySchedule.Next(notification.Attempt, notification.DecidedAt, now, Random.Shared.NextDouble(), delivery.RetryAfter);
        var status = delivery.Outcome switch
        {
            _ when notification.IsSuperseded => NotificationStatus.Superseded,
            DeliveryOutcome.Delivered => NotificationStatus.Delivered,
            DeliveryOutcome.Failed when next is not null => NotificationStatus.Pending,
            _ => NotificationStatus.Parked,
        };
        return new AttemptResult(notification, status, now, status is NotificationStatus.Pending ? next!.Value : now, delivery.Reason);
    }

    /// <summary>
    /// Keeps one result per notification when several attempts overlapped because their leases expired: a delivered one if there is one,
    /// otherwise the last. An SQL update would pick an arbitrary row.
    /// </summary>
    public static IReadOnlyList<AttemptResult> OnePerNotification(IEnumerable<AttemptResult> attempts) =>
    [
        .. attempts.GroupBy(attempt => attempt.NotificationDelivery.Id).Select(same => same
            .OrderByDescending(attempt => attempt.Status is NotificationStatus.Delivered).ThenByDescending(attempt => attempt.NotificationDelivery.Attempt).First()),
    ];

    /// <summary>Locks the rows, always in key order, so that two groups cannot deadlock.</summary>
    public static NpgsqlBatchCommand Lock(IReadOnlyList<AttemptResult> rows) => new(
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
            Column.Text(rows, row => row.NotificationDelivery.JobId),
            Column.Text(rows, row => Job.StatusText(row.NotificationDelivery.Outcome)),
            Column.Text(rows, row => row.NotificationDelivery.Channel),
        },
    };

    /// <summary>Stores the results. Skips a row that a later attempt has already updated, unless this attempt delivered it.</summary>
    /// <param name="rows">At most one per notification.</param>
    public static NpgsqlBatchCommand Update(IReadOnlyList<AttemptResult> rows) => new(
        """
        update notifications
        set status = settled.status, next_attempt_at = settled.next_attempt_at, last_error = coalesce(settled.error, last_error),
            -- Only what was not tried is pending without an error.
            attempts = attempts - case when settled.status = 'pending' and settled.error is null then 1 else 0 end,
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
            Column.Text(rows, row => row.NotificationDelivery.JobId),
            Column.Text(rows, row => Job.StatusText(row.NotificationDelivery.Outcome)),
            Column.Text(rows, row => row.NotificationDelivery.Channel),
            Column.Bigint(rows, row => row.NotificationDelivery.Attempt),
            Column.Text(rows, row => row.Status.Name()),
            Column.Time(rows, row => row.SettledAt),
            Column.Time(rows, row => row.NextAttemptAt),
            Column.Text(rows, row => row.Error),
        },
    };
}
