using Npgsql;

namespace Platform.Benchmarks.Stage;

/// <summary>
/// A full history, as if the platform had run for months: jobs with two events each, one in 20 failed, their inbox rows, registrations and
/// notifications. It is inserted by SQL, with the indexes built at the end: through the ingress, it would take hours.
/// </summary>
internal static class StoredHistory
{
    private static readonly TimeSpan Length = TimeSpan.FromDays(300);

    // $1: number of jobs, $2: seconds between two of them.
    private static readonly (string What, string Sql)[] Tables =
    [
        ("jobs",
            """
            insert into jobs (
                magic_hour_id, resource, status, project_type, name, user_id, download_url, downloads, error_code, error_message, credits_charged,
                created_at, started_at, completed_at, failed_at, canceled_at, updated_at, download_expires_at)
            select
                'job-' || n, resource, status, 'TEXT_TO_VIDEO', 'Job ' || n, 'user-' || n % 10000,
                case when status = 'completed' then url end,
                case when status = 'completed' then jsonb_build_array(jsonb_build_object('url', url, 'expires_at', at + interval '1 day')) end,
                case when status = 'failed' then 'unknown_error' end, case when status = 'failed' then 'It failed.' end, 240, at, at,
                case when status = 'completed' then at + interval '1 min' end, case when status = 'failed' then at + interval '1 min' end,
                case when status = 'canceled' then at + interval '1 min' end, at + interval '1 min',
                case when status = 'completed' then at + interval '1 day' end
            from (
                select
                    n, now() - n * $2 * interval '1 s' as at, (array['video', 'image', 'audio'])[1 + n % 3] as resource,
                    case when n % 20 = 0 then 'failed' when n % 211 = 0 then 'canceled' when n % 50021 = 0 then 'rendering' else 'completed' end as status,
                    'https://videos.magichour.ai/job-' || n || '/output.mp4?auth-token=simulated' as url
                from generate_series(1, $1) as n) as job
            """),
        ("events",
            """
            insert into webhook_events (
                event_id, event_type, job_id, received_at, sent_at, processed_at, late, origin, secret_name, delivery_id, trace_id, body_sha256, fact)
            select
                md5(n || '-' || k)::uuid, resource || case when k = 1 then '.started' when n % 20 = 0 then '.errored' else '.completed' end,
                'job-' || n, at, at, at, n % 1009 = 0, case when n % 2003 = 0 then 'reconcile' else 'live' end, '0', md5(n || '+' || k)::uuid,
                md5(n || '*' || k), sha256((n || '.' || k)::bytea),
                jsonb_build_object(
                    'name', 'Job ' || n, 'status', case when k = 1 then 'Rendering' when n % 20 = 0 then 'Failed' else 'Completed' end,
                    'resource', resource, 'received_at', at, 'project_type', 'TEXT_TO_VIDEO', 'credits_charged', 240)
            from (
                select n, k, (array['video', 'image', 'audio'])[1 + n % 3] as resource, now() - (n * $2 - (k - 1) * 60) * interval '1 s' as at
                from generate_series(1, $1) as n, generate_series(1, 2) as k) as event
            """),
        ("inbox", "insert into inbox_state (message_id, consumer_id, consumed_at) select event_id, md5('consumer')::uuid, processed_at from webhook_events"),
        ("registrations",
            """
            insert into job_registrations (job_id, resource, user_id, webhook_url, registered_at)
            select magic_hour_id, resource, user_id, 'https://example.com/hooks', created_at from jobs
            """),
        ("notifications",
            """
            insert into notifications (job_id, outcome, channel, status, attempts, decided_at, next_attempt_at, delivered_at)
            select
                magic_hour_id, status, 'webhook', case when random() < 0.0001 then 'parked' else 'delivered' end, 1,
                updated_at, updated_at, updated_at
            from jobs where status in ('completed', 'failed', 'canceled')
            """),
    ];

    /// <param name="events">Two for each job.</param>
    public static async Task CreateAsync(NpgsqlDataSource database, int events, CancellationToken cancellationToken)
    {
        var jobs = events / 2;
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await ExecuteAsync(connection, "set synchronous_commit = off; set maintenance_work_mem = '512MB'", cancellationToken);
        var indexes = await DropIndexesAsync(connection, cancellationToken);
        foreach (var (what, sql) in Tables)
        {
            Progress.Say($"history of {events:N0} events: {what}");
            await using var insert = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
            if (sql.Contains("$1", StringComparison.Ordinal))
            {
                insert.Parameters.Add(new NpgsqlParameter<int> { TypedValue = jobs });
                insert.Parameters.Add(new NpgsqlParameter<double> { TypedValue = Length.TotalSeconds / jobs });
            }

            await insert.ExecuteNonQueryAsync(cancellationToken);
        }

        Progress.Say($"history of {events:N0} events: {indexes.Count} indexes");
        foreach (var index in indexes)
        {
            await ExecuteAsync(connection, index, cancellationToken);
        }

        await ExecuteAsync(connection, "vacuum (analyze)", cancellationToken);
    }

    private static async Task<List<string>> DropIndexesAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var (names, definitions) = (new List<string>(), new List<string>());
        await using (var command = new NpgsqlCommand(
            """
            select indexname, indexdef from pg_indexes
            where schemaname = 'public' and tablename in ('webhook_events', 'jobs', 'notifications') and indexname not like '%\_pkey'
            """,
            connection))
        {
            await using var rows = await command.ExecuteReaderAsync(cancellationToken);
            while (await rows.ReadAsync(cancellationToken))
            {
                names.Add(rows.GetString(0));
                definitions.Add(rows.GetString(1));
            }
        }

        await ExecuteAsync(connection, $"drop index {string.Join(", ", names)}", cancellationToken);
        return definitions;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
