using Npgsql;
using Processor.Worker.Owners;
using Processor.Worker.Persistence;

namespace Processor.Worker.Notifications;

/// <summary>
/// Uses the rows of <c>notifications</c> as a delivery queue. The decision must be a row anyway, and <c>next_attempt_at</c> is all that
/// retries over a day need. A broker queue would add a second copy of the state, the broker's time-outs, and would need a plugin for
/// delays.
/// </summary>
internal sealed partial class NotificationQueue(NpgsqlDataSource database, TimeProvider time, ILogger<NotificationQueue> logger)
{
    // Downloads are valid for about as long: a later notification would be useless.
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(24);

    // Rows checked for deferral in one call; the next call continues.
    private const int LookAhead = 1000;

    /// <summary>
    /// Claims due notifications under a lease; several workers may claim side by side. If a worker crashes, others take over once the lease
    /// expires. The attempt still counts, so that a notification that crashes workers is not retried indefinitely.
    /// </summary>
    /// <param name="lease">Longer than the time limit of an attempt.</param>
    /// <returns>Due notifications, the longest overdue first. No two leases of one notification overlap.</returns>
    public async Task<IReadOnlyList<NotificationDelivery>> ClaimAsync(string channel, int limit, TimeSpan lease, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow().UtcDateTime;
        await using var command = database.CreateCommand(
            $"""
            with claimed as (
                update notifications
                set status = 'sending', attempts = attempts + 1, next_attempt_at = $3
                where ctid = any (array(
                    select one.ctid
                    from notifications as one
                    where channel = $1 and status in ('pending', 'sending') and next_attempt_at <= $2
                        -- A correction waits for the notification of the failure in flight, so that it arrives last. A value, and not
                        -- "not exists": that would be planned as a join with the whole table, however few rows are taken.
                        and coalesce((
                            select other.status <> 'sending' or other.next_attempt_at <= $2
                            from notifications as other
                            where other.job_id = one.job_id and other.outcome = 'failed' and other.channel = one.channel
                                and one.outcome = 'completed'), true)
                    order by next_attempt_at
                    limit $4
                    for update skip locked))
                returning *
            )
            select claimed.job_id, claimed.outcome, claimed.channel, claimed.attempts, claimed.decided_at, contact.address,
                   registration.user_id, jobs.status, jobs.resource, jobs.project_type, jobs.name, jobs.downloads::text, jobs.error_code,
                   jobs.error_message,
                   claimed.outcome = 'completed' and exists (
                       select from notifications as other
                       where other.job_id = claimed.job_id and other.channel = claimed.channel and other.outcome = 'failed'
                           and other.status = 'delivered')
            from claimed
            -- "offset 0": row by row, for the same reason.
            cross join lateral (select * from jobs where magic_hour_id = claimed.job_id offset 0) as jobs
            cross join lateral (select * from job_registrations where job_id = claimed.job_id offset 0) as registration
            {JobRegistration.Contacts}
            where contact.channel = claimed.channel
            order by claimed.decided_at
            """);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = channel });
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = now });
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = now + lease });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = limit });
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        var claimed = new List<NotificationDelivery>();
        while (await rows.ReadAsync(cancellationToken))
        {
            if (TryRead(rows) is { } notification)
            {
                claimed.Add(notification);
            }
        }

        return claimed;
    }

    /// <summary>Defers due notifications to targets that are paused or at their limit, so that the rest of the queue moves up.</summary>
    /// <param name="findWait">The delay for a target's name. A callback, because SQL cannot normalise addresses.</param>
    /// <returns>The number of deferred notifications.</returns>
    public async Task<int> DeferAsync(INotificationChannel channel, Func<string, TargetWait?> findWait, CancellationToken cancellationToken)
    {
        var deferred = await FindDeferredAsync(channel, findWait, cancellationToken);
        if (deferred.Count == 0)
        {
            return 0;
        }

        var now = time.GetUtcNow().UtcDateTime;
        await using var command = database.CreateCommand(
            """
            update notifications
            set next_attempt_at = deferred.until + random() * (deferred.until - $1),
                last_error = case when deferred.is_paused then coalesce(last_error, 'the target does not answer') else last_error end
            from unnest($2, $3, $4, $5) as deferred (job_id, outcome, until, is_paused)
            where ctid = any (array(
                    select one.ctid
                    from unnest($2, $3) as due (job_id, outcome)
                    join notifications as one on one.job_id = due.job_id and one.outcome = due.outcome and one.channel = $6
                    -- Not what another worker has taken meanwhile.
                    where one.status = 'pending' and one.next_attempt_at <= $1
                    for update of one skip locked))
                and notifications.job_id = deferred.job_id and notifications.outcome = deferred.outcome
            """);
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = now });
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. deferred.Select(one => one.JobId)] });
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. deferred.Select(one => one.Outcome)] });
        command.Parameters.Add(new NpgsqlParameter<DateTime[]> { TypedValue = [.. deferred.Select(one => now + one.Wait.Time)] });
        command.Parameters.Add(new NpgsqlParameter<bool[]> { TypedValue = [.. deferred.Select(one => one.Wait.IsPaused)] });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = channel.Name });
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Stores the results of attempts in one transaction: all or none.</summary>
    public async Task SettleAsync(IEnumerable<AttemptResult> group, CancellationToken cancellationToken)
    {
        var rows = AttemptResult.OnePerNotification(group);
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(AttemptResult.Lock(rows));
        batch.BatchCommands.Add(AttemptResult.Update(rows));
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Parks notifications older than <see cref="Lifetime"/> that were never attempted, or whose attempt crashed.</summary>
    /// <returns>The number of parked notifications.</returns>
    public async Task<int> ParkExpiredAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow().UtcDateTime;
        await using var command = database.CreateCommand(
            """
            update notifications
            set status = 'parked', last_error = coalesce(last_error, 'no worker sent it in time')
            where ctid = any (array(
                select ctid
                from notifications
                where status in ('pending', 'sending') and next_attempt_at <= $1 and decided_at <= $2
                -- Rows locked now are parked by the next run; two processes that wait while holding rows could wait for each other.
                for update skip locked))
            """);
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = now });
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = now - Lifetime });
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task<List<(string JobId, string Outcome, TargetWait Wait)>> FindDeferredAsync(
        INotificationChannel channel, Func<string, TargetWait?> findWait, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(
            $"""
            select due.job_id, due.outcome, contact.address
            from (
                select job_id, outcome, next_attempt_at
                from notifications
                where channel = $1 and status = 'pending' and next_attempt_at <= $2
                order by next_attempt_at
                limit {LookAhead}) as due
            cross join lateral (select * from job_registrations where job_id = due.job_id offset 0) as registration
            {JobRegistration.Contacts}
            where contact.channel = $1 and contact.address is not null
            order by due.next_attempt_at
            """);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = channel.Name });
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = time.GetUtcNow().UtcDateTime });
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        var deferred = new List<(string, string, TargetWait)>();
        while (await rows.ReadAsync(cancellationToken))
        {
            if (channel.FindTarget(rows.GetString(2)) is { } target && findWait(target) is { } wait)
            {
                deferred.Add((rows.GetString(0), rows.GetString(1), wait));
            }
        }

        return deferred;
    }

    /// <summary>Null when only a newer worker can read the row. It is retried after this lease, and must not block the others.</summary>
    private NotificationDelivery? TryRead(NpgsqlDataReader row)
    {
        try
        {
            return NotificationDelivery.Read(row);
        }
        catch (NewerVersionException exception)
        {
            LogNotRead(logger, exception, row.GetString(0));
            return null;
        }
    }

    [LoggerMessage(LogLevel.Warning, "The notification of job {JobId} waits for a newer worker")]
    private static partial void LogNotRead(ILogger logger, Exception exception, string jobId);
}
