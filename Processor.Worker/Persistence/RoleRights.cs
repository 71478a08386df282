namespace Processor.Worker.Persistence;

/// <summary>
/// The rights of each worker role in the database: the only list of them, granted by <c>migrate</c> (<see cref="DatabaseRights"/>).
/// Everything else is refused, including new tables. No rights on partitions are needed, since rows go through the partitioned table.
/// </summary>
/// <remarks>
/// A change requires a migration, an empty one if necessary, because an older <c>migrate</c> leaves the rights of a newer schema unchanged.
/// Remove a right one version after the last one that uses it: workers of both versions run side by side. <c>update (id)</c> of an always
/// generated column changes nothing; <c>for update</c> requires it.
/// </remarks>
internal static class RoleRights
{
    public static string Consume(string role) =>
        $"""
        grant select, insert on inbox_state to {role};
        grant select, insert, update (fact, variants) on webhook_events to {role};
        grant insert on webhook_bodies to {role};
        grant select (received_at), insert on quarantined_events to {role};
        grant select, insert, update (attempts, last_attempt_at), delete on delivery_attempts to {role};
        grant select, insert, update on jobs to {role};
        grant select, insert, update on job_registrations to {role};
        grant select, insert, update (status, attempts, decided_at, next_attempt_at, delivered_at, last_error) on notifications to {role};
        grant select, insert, update (id), delete on outbox_message to {role};
        grant select, update (status, position_at, position_id, examined, published, notified, finished_at, error) on replays to {role};
        grant execute on function create_webhook_bodies_partitions(integer) to {role};
        grant insert on retention_runs to {role};
        grant select, insert, delete on received_numbers to {role};
        grant insert, update (applied, quarantined, parked, deleted) on publish_periods to {role};
        grant select, insert, update (reported_at, last_number) on publish_sources to {role};
        grant select, insert, update (accepted, late, quarantined, refused, unavailable) on ingress_answers to {role};
        grant select (at) on audit_log to {role};
        grant execute on function
            expired_webhook_bodies(timestamptz), drop_webhook_bodies_partition(date), drop_expired_stray_bodies(timestamptz, integer),
            drop_expired_quarantine(bytea[], uuid[], timestamptz), drop_expired_notifications(timestamptz, integer),
            drop_expired_events(text[], timestamptz), drop_expired_delivery_attempts(timestamptz, integer),
            drop_expired_audit_log(timestamptz, integer), drop_expired_replays(timestamptz, integer), drop_expired_retention_runs(timestamptz, integer),
            drop_expired_publish_periods(timestamptz, integer), drop_expired_publish_sources(timestamptz, integer),
            drop_expired_received_numbers(timestamptz, integer), drop_expired_ingress_answers(timestamptz, integer)
            to {role};
        {Everyone(role)}
        """;

    public static string Notify(string role) =>
        $"""
        grant select on jobs, job_registrations, archived_downloads to {role};
        grant select, update (status, attempts, next_attempt_at, delivered_at, last_error) on notifications to {role};
        grant select, insert (job_id, kind, state, requested_at), update (kind, state, requested_at) on download_refreshes to {role};
        {Everyone(role)}
        """;

    /// <summary>Also used by the verb <c>release</c>, which runs beside it.</summary>
    public static string Api(string role) =>
        $"""
        grant select, insert, update (discarded_at), delete on quarantined_events to {role};
        grant select (message_id), delete on delivery_attempts to {role};
        grant select on webhook_events, webhook_bodies, job_checks, retention_runs, archived_downloads, ingress_answers to {role};
        grant select, insert, update (outcome, count) on audit_log to {role};
        grant select, insert on data_protection_keys to {role};
        grant select, insert, update (status, finished_at) on replays to {role};
        grant select, insert (job_id, kind, state, requested_at), update (kind, state, requested_at) on download_refreshes to {role};
        grant select, insert, update (resource, user_id, created_at, updated_at) on jobs to {role};
        grant select, insert, update on job_registrations to {role};
        grant select, insert, update (status, attempts, decided_at, next_attempt_at, delivered_at, last_error) on notifications to {role};
        grant execute on function erase_job(text, timestamptz) to {role};
        {Everyone(role)}
        """;

    /// <summary>
    /// It reaches the internet: it reads no content, and changes nothing but its own plans and its answers. What it finds goes through the queue.
    /// </summary>
    public static string Reconcile(string role) =>
        $"""
        grant select (magic_hour_id, resource, status, project_type, created_at, failed_at) on jobs to {role};
        grant select, insert, delete,
            update (kind, state, next_check_at, attempts, failures, not_found, not_found_since, last_answer, reported) on job_checks to {role};
        grant select (job_id, kind, state, requested_at, asked_at), update (state, asked_at, answer, downloads), delete on download_refreshes to {role};
        {Everyone(role)}
        """;

    /// <summary>It reaches the internet: of jobs it reads the downloads alone, and it changes nothing but its own rows and requests for fresh URLs.</summary>
    public static string Archive(string role) =>
        $"""
        grant select (magic_hour_id, resource, status, downloads) on jobs to {role};
        grant select, insert, update, delete on archived_downloads to {role};
        grant select, insert (job_id, kind, state, requested_at), update (kind, state, requested_at) on download_refreshes to {role};
        {Everyone(role)}
        """;

    // The check of the schema, tombstones, and the backlog for metrics: ages, counts and numbers, but no content.
    private static string Everyone(string role) =>
        $"""
        grant select on "__EFMigrationsHistory" to {role};
        grant select on erased_jobs to {role};
        grant select (id, created_at) on outbox_message to {role};
        grant select (body_sha256, discarded_at) on quarantined_events to {role};
        grant select (download_expires_at) on jobs to {role};
        grant select (channel, status, next_attempt_at) on notifications to {role};
        grant select (state, next_check_at) on job_checks to {role};
        grant select (table_name, started_at, error) on retention_runs to {role};
        grant select on publish_periods to {role};
        grant select (job_id, state) on archived_downloads to {role};
        """;
}
