using Npgsql;
using Processor.Worker.Registration;

namespace Processor.Worker.Notifications;

/// <summary>
/// The rows of <c>notifications</c> as the queue from which they are delivered. They are rows because the decision must be one, and stay
/// here because <c>next_attempt_at</c> is all that a retry over a day needs: a queue on the broker would bring a second copy of the truth,
/// the broker's time-outs, and no delay without a plugin.
/// </summary>
internal sealed class NotificationQueue(NpgsqlDataSource database, TimeProvider time)
{
    // A download is valid for about as long: what comes later is of no use.
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(24);

    /// <summary>
    /// Takes what is due, several workers side by side. It is leased: who dies with it leaves it to the next one after that time, and the
    /// attempt is counted all the same, so that one that kills is not tried for ever.
    /// </summary>
    /// <param name="lease">Longer than an attempt may take.</param>
    /// <returns>What is due, the longest first; none of it twice at a time.</returns>
    public async Task<IReadOnlyList<Notice>> ClaimAsync(string channel, int limit, TimeSpan lease, CancellationToken cancellationToken)
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
                        -- The correction waits for the news that is on its way: whoever is told twice must hear the truth last. A value, and
                        -- not "not exists": that would be planned as a join with the whole table, however few rows are taken.
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
        var claimed = new List<Notice>();
        while (await rows.ReadAsync(cancellationToken))
        {
            claimed.Add(Notice.Read(rows));
        }

        return claimed;
    }

    /// <summary>Writes down what became of attempts, in one transaction: of all or of none.</summary>
    public async Task SettleAsync(IEnumerable<Settlement> group, CancellationToken cancellationToken)
    {
        var rows = Settlement.OnePerNotification(group);
        await using var batch = database.CreateBatch();
        batch.BatchCommands.Add(Settlement.Lock(rows));
        batch.BatchCommands.Add(Settlement.Update(rows));
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Parks what nobody could deliver in its time, because nobody has tried, or died trying.</summary>
    /// <returns>How many.</returns>
    public async Task<int> ParkExpiredAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow().UtcDateTime;
        await using var command = database.CreateCommand(
            """
            update notifications
            set status = 'parked', last_error = coalesce(last_error, 'nobody has sent it')
            where ctid = any (array(
                select ctid
                from notifications
                where status in ('pending', 'sending') and next_attempt_at <= $1 and decided_at <= $2
                -- What somebody writes at this moment is not left behind; waiting for one while holding others, two could wait for each other.
                for update skip locked))
            """);
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = now });
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = now - Lifetime });
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
