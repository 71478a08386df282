using Npgsql;

namespace Processor.Worker.Tests;

/// <summary>
/// The rights of each role of the worker, tried statement by statement on every table: anything not listed here is refused, and a table
/// that is not listed fails the tests.
/// </summary>
public sealed class RoleRightsTests(PostgresFixture postgres)
{
    /// <summary>
    /// For each role, a line <c>table: right columns; right columns</c> for each table that it may use. Without columns: all of them.
    /// </summary>
    public static TheoryData<string, string> Expected => new()
    {
        {
            "consume",
            """
            __EFMigrationsHistory: select
            archived_downloads: select job_id, state
            audit_log: select at
            delivery_attempts: select; insert; update attempts, last_attempt_at; delete
            erased_jobs: select
            inbox_state: select; insert
            ingress_answers: select; insert; update accepted, late, quarantined, refused, unavailable
            job_checks: select next_check_at, state
            job_registrations: select; insert; update
            jobs: select; insert; update
            notifications: select; insert; update attempts, decided_at, delivered_at, last_error, next_attempt_at, status
            outbox_message: select; insert; update id; delete
            publish_periods: select; insert; update applied, deleted, parked, quarantined
            publish_sources: select; insert; update last_number, reported_at
            quarantined_events: select body_sha256, discarded_at, received_at; insert
            received_numbers: select; insert; delete
            replays: select; update error, examined, finished_at, notified, position_at, position_id, published, status
            retention_runs: select error, started_at, table_name; insert
            webhook_bodies: insert
            webhook_events: select; insert; update fact, variants
            """
        },
        {
            "notify",
            """
            __EFMigrationsHistory: select
            archived_downloads: select
            download_refreshes: select; insert job_id, kind, requested_at, state; update kind, requested_at, state
            erased_jobs: select
            job_checks: select next_check_at, state
            job_registrations: select
            jobs: select
            notifications: select; update attempts, delivered_at, last_error, next_attempt_at, status
            outbox_message: select created_at, id
            publish_periods: select
            quarantined_events: select body_sha256, discarded_at
            retention_runs: select error, started_at, table_name
            """
        },
        {
            "api",
            """
            __EFMigrationsHistory: select
            archived_downloads: select
            audit_log: select; insert; update count, outcome
            data_protection_keys: select; insert
            delivery_attempts: select message_id; delete
            download_refreshes: select; insert job_id, kind, requested_at, state; update kind, requested_at, state
            erased_jobs: select
            ingress_answers: select
            job_checks: select
            job_registrations: select; insert; update
            jobs: select; insert; update created_at, resource, updated_at, user_id
            notifications: select; insert; update attempts, decided_at, delivered_at, last_error, next_attempt_at, status
            outbox_message: select created_at, id
            publish_periods: select
            quarantined_events: select; insert; update discarded_at; delete
            replays: select; insert; update finished_at, status
            retention_runs: select
            webhook_bodies: select
            webhook_events: select
            """
        },
        {
            "reconcile",
            """
            __EFMigrationsHistory: select
            archived_downloads: select job_id, state
            download_refreshes: select asked_at, job_id, kind, requested_at, state; update answer, asked_at, downloads, state; delete
            erased_jobs: select
            job_checks: select; insert; update attempts, failures, kind, last_answer, next_check_at, not_found, not_found_since, reported, state; delete
            jobs: select created_at, download_expires_at, failed_at, magic_hour_id, project_type, resource, status
            notifications: select channel, next_attempt_at, status
            outbox_message: select created_at, id
            publish_periods: select
            quarantined_events: select body_sha256, discarded_at
            retention_runs: select error, started_at, table_name
            """
        },
        {
            "archive",
            """
            __EFMigrationsHistory: select
            archived_downloads: select; insert; update; delete
            download_refreshes: select; insert job_id, kind, requested_at, state; update kind, requested_at, state
            erased_jobs: select
            job_checks: select next_check_at, state
            jobs: select download_expires_at, downloads, magic_hour_id, resource, status
            notifications: select channel, next_attempt_at, status
            outbox_message: select created_at, id
            publish_periods: select
            quarantined_events: select body_sha256, discarded_at
            retention_runs: select error, started_at, table_name
            """
        },
    };

    private static readonly string[] Functions =
    [
        "create_webhook_bodies_partitions", "drop_expired_audit_log", "drop_expired_delivery_attempts", "drop_expired_events",
        "drop_expired_ingress_answers", "drop_expired_notifications",
        "drop_expired_publish_periods", "drop_expired_publish_sources", "drop_expired_quarantine", "drop_expired_received_numbers", "drop_expired_replays",
        "drop_expired_retention_runs", "drop_expired_stray_bodies", "drop_webhook_bodies_partition", "expired_webhook_bodies",
    ];

    [Fact]
    public async Task Of_every_table_it_is_written_down_who_may_use_it()
    {
        await using var database = await postgres.CreateDatabaseAsync();

        var tables = await database.QueryAsync(
            """
            select relname from pg_class
            where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f') and not relispartition order by relname collate "C"
            """);

        // A table that only the owner uses must be added here.
        Assert.Equal(Expected.SelectMany(row => row.Data.Item2.Split('\n')).Select(line => line.Split(':')[0]).Distinct().Order(StringComparer.Ordinal), tables);
    }

    [Theory]
    [MemberData(nameof(Expected))]
    public async Task A_role_may_do_this_with_tables_and_nothing_else(string role, string expected)
    {
        await using var logins = await RoleLogins.CreateAsync(postgres);

        // Partitions too, since each is a table.
        var columns = await logins.Owner.QueryAsync(
            """
            select relname || '.' || attname
            from pg_class as relation
            join pg_attribute as one on one.attrelid = relation.oid and one.attnum > 0 and not one.attisdropped
            where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')
            order by relname collate "C", attname collate "C"
            """);
        var attempts = columns.Select(column => column.Split('.')).GroupBy(column => column[0], column => column[1])
            .SelectMany(table => AttemptsOn(table.Key, [.. table])).ToArray();
        var allowed = await logins.Of(role).FindAllowedAsync(attempts.Select(attempt => attempt.Sql));
        var lines = attempts.Where(attempt => allowed.Contains(attempt.Sql)).GroupBy(attempt => attempt.Table)
            .Select(table => $"{table.Key}: {string.Join("; ", table.GroupBy(attempt => attempt.Right).Select(right => Describe(right, attempts)))}");

        Assert.Equal(expected.Split('\n'), lines);
    }

    [Theory]
    [InlineData("consume")]
    [InlineData("notify")]
    [InlineData("api", "erase_job")]
    [InlineData("reconcile")]
    [InlineData("archive")]
    public async Task The_functions_may_be_called_by_who_writes_bodies_or_erases_and_no_one_else(string role, params string[] others)
    {
        var mayCall = role == "consume";
        await using var logins = await RoleLogins.CreateAsync(postgres);

        var callable = await logins.Of(role).QueryAsync(
            """
            select proname from pg_proc where pronamespace = 'public'::regnamespace and has_function_privilege(oid, 'execute')
            order by proname collate "C"
            """);

        Assert.Equal(mayCall ? Functions : others, callable);
        Assert.Equal(mayCall ? 1 : 0, (await logins.Of(role).FindAllowedAsync(["select create_webhook_bodies_partitions(20)"])).Count);
    }

    [Theory]
    [InlineData("consume")]
    [InlineData("notify")]
    [InlineData("api")]
    [InlineData("reconcile")]
    [InlineData("archive")]
    public async Task No_role_may_change_the_schema_or_leave_its_database(string role)
    {
        await using var logins = await RoleLogins.CreateAsync(postgres);
        var owner = new NpgsqlConnectionStringBuilder(logins.Owner.ConnectionString).Username;

        Assert.Empty(await logins.Of(role).FindAllowedAsync(
            [
                "create table another (id integer)",
                "create temporary table another (id integer)",
                "create schema another",
                "create view another as select 1",
                "create function another() returns integer language sql as 'select 1'",
                "create role another",
                "create index on jobs (user_id)",
                "alter table jobs add column another text",
                "alter table webhook_bodies detach partition webhook_bodies_default",
                "drop table jobs",
                "lock table webhook_events in share mode",
                "lock table webhook_bodies in access exclusive mode",
                "select nextval(pg_get_serial_sequence('outbox_message', 'id'))",
                "select setval(pg_get_serial_sequence('outbox_message', 'id'), 1)",
                "update outbox_message set id = default, body = '{}'",
                "alter role current_user superuser",
                "alter role current_user connection limit -1",
                "copy jobs to program 'cat'",
                "copy jobs to '/tmp/jobs'",
                "select pg_read_file('PG_VERSION')",
                "select pg_reload_conf()",
                "select rolpassword from pg_authid",
                $"set role {owner}",
                $"set session authorization {owner}",
            ]));
    }

    [Theory]
    [InlineData("notify")]
    [InlineData("reconcile")]
    [InlineData("archive")]
    public async Task Who_reaches_the_internet_can_neither_delete_nor_change_nor_read_what_others_wrote(string role)
    {
        await using var logins = await RoleLogins.CreateAsync(postgres);

        Assert.Empty(await logins.Of(role).FindAllowedAsync(
            [
                "delete from webhook_events",
                "delete from webhook_bodies",
                "delete from jobs",
                "delete from inbox_state",
                "delete from notifications",
                "delete from outbox_message",
                "delete from quarantined_events",
                "update webhook_events set job_id = ''",
                "update jobs set status = 'failed'",
                "update job_registrations set webhook_url = 'https://attacker.example'",
                "update notifications set job_id = ''",
                "update download_refreshes set job_id = ''",
                "insert into notifications (job_id, outcome, channel, status, attempts, decided_at, next_attempt_at) values ('j', 'failed', 'email', 'pending', 0, now(), now())",
                "insert into outbox_message (message_id, message_type, body, created_at) values (gen_random_uuid(), 'JobCompleted', '{}', now())",
                "select body from webhook_bodies",
                "select body from webhook_bodies_default",
                "select body from quarantined_events",
                "select body from outbox_message",
                "select fact from webhook_events",
            ]));
    }

    private static IEnumerable<Attempt> AttemptsOn(string table, string[] columns)
    {
        var name = $"\"{table}\"";
        return
        [
            .. columns.Select(column => new Attempt(table, "select", column, $"select \"{column}\" from {name} where false")),
            .. columns.Select(column => new Attempt(table, "insert", column, $"insert into {name} (\"{column}\") values (default)")),
            .. columns.Select(column => new Attempt(table, "update", column, $"update {name} set \"{column}\" = default where false")),
            new(table, "delete", null, $"delete from {name} where false"),
            new(table, "truncate", null, $"truncate {name}"),
            new(table, "trigger", null, $"create trigger another before insert on {name} for each row execute function suppress_redundant_updates_trigger()"),
        ];
    }

    /// <summary>Such as <c>select</c>, or <c>select id</c> where the right does not cover all columns.</summary>
    private static string Describe(IGrouping<string, Attempt> allowed, Attempt[] attempts)
    {
        var all = attempts.Count(attempt => attempt.Right == allowed.Key && attempt.Table == allowed.First().Table);
        return allowed.Count() == all ? allowed.Key : $"{allowed.Key} {string.Join(", ", allowed.Select(attempt => attempt.Column))}";
    }

    private sealed record Attempt(string Table, string Right, string? Column, string Sql);
}

internal static class AllowedStatements
{
    /// <summary>Finds the statements that succeed or fail for another reason than a missing right; their effects are rolled back.</summary>
    public static async Task<HashSet<string>> FindAllowedAsync(this TestDatabase login, IEnumerable<string> statements)
    {
        string[] tried = [.. statements];
        await using var connection = await login.Source.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var set = new NpgsqlCommand("select set_config('attempts.tried', $1::text, false)", connection);
        set.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = tried });
        await set.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        await using var attempt = new NpgsqlCommand(
            """
            do $$
            declare
                statement text;
                refused text[] := '{}';
            begin
                foreach statement in array current_setting('attempts.tried')::text[] loop
                    begin
                        execute statement;
                        raise exception 'undone';
                    exception
                        when insufficient_privilege then refused := refused || statement;
                        when others then null;
                    end;
                end loop;
                perform set_config('attempts.refused', refused::text, false);
            end
            $$;
            """,
            connection);
        await attempt.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        await using var read = new NpgsqlCommand("select current_setting('attempts.refused')::text[]", connection);
        var refused = (string[])(await read.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
        return [.. tried.Except(refused)];
    }
}
