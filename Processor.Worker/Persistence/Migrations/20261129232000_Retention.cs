using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Processor.Worker.Persistence.Migrations
{
    /// <inheritdoc />
    public partial class Retention : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "retention_runs",
                columns: table => new
                {
                    run_id = table.Column<Guid>(type: "uuid", nullable: false),
                    table_name = table.Column<string>(type: "text", nullable: false),
                    started_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    duration = table.Column<TimeSpan>(type: "interval", nullable: false),
                    dropped = table.Column<long>(type: "bigint", nullable: false),
                    error = table.Column<string>(type: "text", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("retention_runs_pkey", x => new { x.run_id, x.table_name });
                });

            migrationBuilder.CreateIndex(
                name: "retention_runs_started_at",
                table: "retention_runs",
                column: "started_at");

            migrationBuilder.CreateIndex(
                name: "retention_runs_succeeded",
                table: "retention_runs",
                column: "started_at",
                filter: "table_name = 'all' and error is null");

            // Nothing has expired unnoticed yet: the alert for a missing run counts from here.
            migrationBuilder.Sql(
                """
                insert into retention_runs (run_id, table_name, started_at, duration, dropped)
                values (gen_random_uuid(), 'all', now(), '0', 0)
                """);

            // The functions run as their owner, so that a worker needs no right to drop tables, or to delete an event. They refuse whatever is
            // not old, so that whoever takes over the login of a worker cannot erase fresh evidence.
            migrationBuilder.Sql(
                """
                -- The partitions of days that are over, oldest first, with the number of their rows; without a day: the default partition.
                create function public.expired_webhook_bodies(before timestamptz) returns table (day date, bodies bigint)
                language plpgsql stable security definer
                set search_path = public, pg_temp set timezone = 'UTC' set datestyle = 'ISO, MDY' as
                $$
                begin
                    for day in
                        select to_date(right(partition.relname, 8), 'YYYYMMDD')
                        from pg_inherits
                        join pg_class as partition on partition.oid = inhrelid
                        where inhparent = 'public.webhook_bodies'::regclass and partition.relname ~ '^webhook_bodies_[0-9]{8}$'
                            and (to_date(right(partition.relname, 8), 'YYYYMMDD') + 1)::timestamp at time zone 'utc' <= before
                        order by 1
                    loop
                        execute format('select count(*) from public.%I', 'webhook_bodies_' || to_char(day, 'YYYYMMDD')) into bodies;
                        return next;
                    end loop;

                    select null, count(*) into day, bodies from public.webhook_bodies_default where received_at < before;
                    if bodies > 0 then
                        return next;
                    end if;
                end
                $$;

                -- Gives up after 500 ms, and inserts that came after it go on.
                create function public.drop_webhook_bodies_partition(day date) returns void
                language plpgsql security definer
                set search_path = public, pg_temp set timezone = 'UTC' set datestyle = 'ISO, MDY' set lock_timeout = '500ms' as
                $$
                declare
                    partition text := 'webhook_bodies_' || to_char(day, 'YYYYMMDD');
                begin
                    if day is null or (day + 1)::timestamp at time zone 'utc' > now() - interval '7 days' then
                        raise exception 'only days that ended a week ago can be dropped' using errcode = 'invalid_parameter_value';
                    end if;

                    if exists (select from pg_inherits where inhparent = 'public.webhook_bodies'::regclass and inhrelid = to_regclass('public.' || partition)) then
                        execute format('drop table public.%I', partition);
                    end if;
                end
                $$;

                create function public.drop_expired_stray_bodies(before timestamptz, most integer) returns bigint
                language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '100ms' as
                $$
                declare
                    dropped bigint;
                begin
                    if before is null or before > now() - interval '7 days' then
                        raise exception 'only what is a week old can be dropped' using errcode = 'invalid_parameter_value';
                    end if;

                    delete from public.webhook_bodies_default
                    where ctid = any (array(
                        select ctid from public.webhook_bodies_default
                        where received_at < before order by received_at limit most for update skip locked));
                    get diagnostics dropped = row_count;
                    return dropped;
                end
                $$;

                -- A body that is being released is skipped. Only identities of quarantined bodies go with them, never those of events.
                create function public.drop_expired_quarantine(body_hashes bytea[], message_ids uuid[], before timestamptz)
                returns table (bodies bigint, identities bigint)
                language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '100ms' as
                $$
                begin
                    if before is null or before > now() - interval '7 days' then
                        raise exception 'only what is a week old can be dropped' using errcode = 'invalid_parameter_value';
                    end if;

                    delete from public.quarantined_events
                    where body_sha256 = any (array(
                        select body_sha256 from public.quarantined_events
                        where body_sha256 = any (body_hashes) and received_at < before order by body_sha256 for update skip locked));
                    get diagnostics bodies = row_count;

                    delete from public.inbox_state
                    where message_id = any (message_ids) and consumer_id = '24a2c489-7b9c-19c4-e145-d6adae0b4b67' and consumed_at < before;
                    get diagnostics identities = row_count;
                    return next;
                end
                $$;

                -- Pending and parked ones are not done, however old.
                create function public.drop_expired_notifications(before timestamptz, most integer) returns bigint
                language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '100ms' as
                $$
                declare
                    dropped bigint;
                begin
                    if before is null or before > now() - interval '7 days' then
                        raise exception 'only what is a week old can be dropped' using errcode = 'invalid_parameter_value';
                    end if;

                    with expired as materialized (
                        select job_id, outcome, channel from public.notifications
                        where status in ('delivered', 'superseded') and decided_at < before
                        order by decided_at limit most for update skip locked)
                    delete from public.notifications using expired
                    where notifications.job_id = expired.job_id and notifications.outcome = expired.outcome
                        and notifications.channel = expired.channel;
                    get diagnostics dropped = row_count;
                    return dropped;
                end
                $$;

                -- Never waits for a group commit: a job whose lock is taken (JobLock) is skipped. What is read after the locks is final.
                create function public.drop_expired_events(job_ids text[], before timestamptz) returns table (events bigint, identities bigint)
                language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '100ms' as
                $$
                declare
                    free text[];
                    event_ids uuid[];
                begin
                    if before is null or before > now() - interval '44 days' or cardinality(job_ids) > 32 then
                        raise exception 'only events that are 44 days old can be dropped, and those of at most 32 jobs at once'
                            using errcode = 'invalid_parameter_value';
                    end if;

                    free := array(select job_id from unnest(job_ids) as job_id where pg_try_advisory_xact_lock(6975330, hashtext(job_id)));
                    free := array(
                        select done.job_id
                        from unnest(free) as done (job_id)
                        where not exists (select from public.webhook_events where webhook_events.job_id = done.job_id and processed_at >= before)
                            and not exists (select from public.jobs where magic_hour_id = done.job_id and status in ('queued', 'rendering'))
                            and not exists (
                                select from public.notifications
                                where notifications.job_id = done.job_id and status not in ('delivered', 'superseded')));

                    with dropped as (delete from public.webhook_events where job_id = any (free) returning event_id)
                    select coalesce(array_agg(event_id), '{}') into event_ids from dropped;
                    events := cardinality(event_ids);

                    delete from public.inbox_state where message_id = any (event_ids);
                    get diagnostics identities = row_count;
                    return next;
                end
                $$;

                create function public.drop_expired_delivery_attempts(before timestamptz, most integer) returns bigint
                language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '100ms' as
                $$
                declare
                    dropped bigint;
                begin
                    if before is null or before > now() - interval '7 days' then
                        raise exception 'only what is a week old can be dropped' using errcode = 'invalid_parameter_value';
                    end if;

                    delete from public.delivery_attempts
                    where message_id = any (array(
                        select message_id from public.delivery_attempts
                        where last_attempt_at < before order by last_attempt_at limit most for update skip locked));
                    get diagnostics dropped = row_count;
                    return dropped;
                end
                $$;

                create function public.drop_expired_retention_runs(before timestamptz, most integer) returns bigint
                language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '100ms' as
                $$
                declare
                    dropped bigint;
                begin
                    if before is null or before > now() - interval '7 days' then
                        raise exception 'only what is a week old can be dropped' using errcode = 'invalid_parameter_value';
                    end if;

                    delete from public.retention_runs
                    where ctid = any (array(
                        select ctid from public.retention_runs where started_at < before order by started_at limit most for update skip locked));
                    get diagnostics dropped = row_count;
                    return dropped;
                end
                $$;
                """);

            // For logins whose rights someone else grants: who may write bodies consumes, and therefore drops what has expired.
            migrationBuilder.Sql(
                """
                do
                $$
                declare
                    one record;
                    writer record;
                begin
                    for one in
                        select oid::regprocedure::text as signature from pg_proc
                        where pronamespace = 'public'::regnamespace
                            and (proname like 'drop\_expired\_%' or proname in ('expired_webhook_bodies', 'drop_webhook_bodies_partition'))
                    loop
                        execute format('revoke all on function %s from public', one.signature);
                        for writer in
                            select distinct privilege.grantee::regrole::text as name
                            from pg_class as bodies, aclexplode(bodies.relacl) as privilege
                            where bodies.oid = 'public.webhook_bodies'::regclass and privilege.privilege_type = 'INSERT' and privilege.grantee <> 0
                        loop
                            -- Both names are quoted already.
                            execute format('grant execute on function %s to %s', one.signature, writer.name);
                            execute format('grant select, insert on public.retention_runs to %s', writer.name);
                            execute format('grant select (body_sha256, received_at) on public.quarantined_events to %s', writer.name);
                        end loop;
                    end loop;
                end
                $$;
                """);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql(
                """
                drop function public.expired_webhook_bodies(timestamptz);
                drop function public.drop_webhook_bodies_partition(date);
                drop function public.drop_expired_stray_bodies(timestamptz, integer);
                drop function public.drop_expired_quarantine(bytea[], uuid[], timestamptz);
                drop function public.drop_expired_notifications(timestamptz, integer);
                drop function public.drop_expired_events(text[], timestamptz);
                drop function public.drop_expired_delivery_attempts(timestamptz, integer);
                drop function public.drop_expired_retention_runs(timestamptz, integer);
                """);

            migrationBuilder.DropTable(
                name: "retention_runs");
        }
    }
}
