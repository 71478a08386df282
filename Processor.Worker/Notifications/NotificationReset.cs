using Npgsql;
using Processor.Worker.Jobs;
using Processor.Worker.Persistence;

namespace Processor.Worker.Notifications;

/// <summary>Makes notifications due again, with all their attempts: after a replay, a resend or a release.</summary>
internal static class NotificationReset
{
    private const string Due =
        "update notifications set status = 'pending', attempts = 0, decided_at = $1, next_attempt_at = $1, delivered_at = null, last_error = null";

    /// <summary>The delivered and parked notifications of the ends of jobs. A superseded one stays: it would be wrong.</summary>
    public static NpgsqlBatchCommand ForEnds(IReadOnlyList<JobTransition> ends, DateTimeOffset now) => new(
        $"""
        {Due}
        from unnest($2, $3) as ended (job_id, outcome)
        where notifications.job_id = ended.job_id and notifications.outcome = ended.outcome and status in ('delivered', 'parked')
        """)
    {
        Parameters =
        {
            new NpgsqlParameter<DateTime> { TypedValue = now.UtcDateTime },
            Column.Text(ends, end => end.JobId),
            Column.Text(ends, end => Job.StatusText(end.Fact.Status)),
        },
    };

    /// <summary>The latest delivered or parked notification of a job on one channel.</summary>
    public static NpgsqlBatchCommand Latest(string jobId, string channel, DateTimeOffset now) => new(
        $"""
        {Due}
        where job_id = $2 and channel = $3 and status in ('delivered', 'parked') and outcome =
            (select outcome from notifications where job_id = $2 and channel = $3 and status in ('delivered', 'parked') order by decided_at desc limit 1)
        """)
    {
        Parameters =
        {
            new NpgsqlParameter<DateTime> { TypedValue = now.UtcDateTime },
            new NpgsqlParameter<string> { TypedValue = jobId },
            new NpgsqlParameter<string> { TypedValue = channel },
        },
    };

    /// <summary>Parked notifications, by their keys.</summary>
    public static NpgsqlBatchCommand Parked(IReadOnlyList<(string JobId, string Outcome, string Channel)> keys, DateTimeOffset now) => new(
        $"""
        {Due}
        from unnest($2, $3, $4) as chosen (job_id, outcome, channel)
        where notifications.job_id = chosen.job_id and notifications.outcome = chosen.outcome and notifications.channel = chosen.channel
            and status = 'parked'
        """)
    {
        Parameters =
        {
            new NpgsqlParameter<DateTime> { TypedValue = now.UtcDateTime },
            Column.Text(keys, key => key.JobId),
            Column.Text(keys, key => key.Outcome),
            Column.Text(keys, key => key.Channel),
        },
    };

    /// <summary>Parked notifications that will never be sent.</summary>
    public static NpgsqlBatchCommand Discard(IReadOnlyList<(string JobId, string Outcome, string Channel)> keys) => new(
        """
        update notifications set status = 'superseded'
        from unnest($1, $2, $3) as chosen (job_id, outcome, channel)
        where notifications.job_id = chosen.job_id and notifications.outcome = chosen.outcome and notifications.channel = chosen.channel
            and status = 'parked'
        """)
    {
        Parameters =
        {
            Column.Text(keys, key => key.JobId),
            Column.Text(keys, key => key.Outcome),
            Column.Text(keys, key => key.Channel),
        },
    };
}
