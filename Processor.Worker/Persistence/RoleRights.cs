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
        grant insert on quarantined_events to {role};
        grant select, insert, update (attempts, last_attempt_at), delete on delivery_attempts to {role};
        grant select, insert, update on jobs to {role};
        grant select, insert, update on job_registrations to {role};
        grant select, insert on notifications to {role};
        grant select, insert, update (id), delete on outbox_message to {role};
        grant execute on function create_webhook_bodies_partitions(integer) to {role};
        {Everyone(role)}
        """;

    public static string Notify(string role) =>
        $"""
        grant select on jobs, job_registrations to {role};
        grant select, update (status, attempts, next_attempt_at, delivered_at, last_error) on notifications to {role};
        {Everyone(role)}
        """;

    /// <summary>Also used by the verb <c>release</c>, which runs beside it.</summary>
    public static string Api(string role) =>
        $"""
        grant select, delete on quarantined_events to {role};
        grant select (message_id), delete on delivery_attempts to {role};
        grant select on webhook_events, job_checks to {role};
        grant select, insert, update (resource, user_id, created_at, updated_at) on jobs to {role};
        grant select, insert, update on job_registrations to {role};
        grant select, insert on notifications to {role};
        {Everyone(role)}
        """;

    /// <summary>It reaches the internet: it reads no content, and changes nothing but its own plans. What it finds goes through the queue.</summary>
    public static string Reconcile(string role) =>
        $"""
        grant select (magic_hour_id, resource, status, project_type, created_at) on jobs to {role};
        grant select, insert, delete,
            update (kind, state, next_check_at, attempts, failures, not_found, not_found_since, last_answer, reported) on job_checks to {role};
        {Everyone(role)}
        """;

    // The check of the schema, and the backlog for metrics: ages and counts, but no content.
    private static string Everyone(string role) =>
        $"""
        grant select on "__EFMigrationsHistory" to {role};
        grant select (id, created_at) on outbox_message to {role};
        grant select (body_sha256) on quarantined_events to {role};
        grant select (download_expires_at) on jobs to {role};
        grant select (channel, status, next_attempt_at) on notifications to {role};
        grant select (state, next_check_at) on job_checks to {role};
        """;
}
