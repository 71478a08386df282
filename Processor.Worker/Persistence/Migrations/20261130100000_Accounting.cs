using System;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;
using NpgsqlTypes;

#nullable disable

namespace Processor.Worker.Persistence.Migrations
{
    /// <inheritdoc />
    public partial class Accounting : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "publish_periods",
                columns: table => new
                {
                    source = table.Column<long>(type: "bigint", nullable: false),
                    first_number = table.Column<long>(type: "bigint", nullable: false),
                    last_number = table.Column<long>(type: "bigint", nullable: false),
                    instance = table.Column<string>(type: "text", nullable: false),
                    began_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    ended_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    noted_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    confirmed = table.Column<NpgsqlRange<long>[]>(type: "int8multirange", nullable: false),
                    applied = table.Column<NpgsqlRange<long>[]>(type: "int8multirange", nullable: false, defaultValueSql: "'{}'"),
                    quarantined = table.Column<NpgsqlRange<long>[]>(type: "int8multirange", nullable: false, defaultValueSql: "'{}'"),
                    parked = table.Column<NpgsqlRange<long>[]>(type: "int8multirange", nullable: false, defaultValueSql: "'{}'"),
                    deleted = table.Column<NpgsqlRange<long>[]>(type: "int8multirange", nullable: false, defaultValueSql: "'{}'"),
                    is_complete = table.Column<bool>(type: "boolean", nullable: false, computedColumnSql: "confirmed <@ (applied + quarantined + parked) and isempty(confirmed * deleted)", stored: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("publish_periods_pkey", x => new { x.source, x.first_number });
                });

            migrationBuilder.CreateTable(
                name: "publish_sources",
                columns: table => new
                {
                    source = table.Column<long>(type: "bigint", nullable: false),
                    instance = table.Column<string>(type: "text", nullable: false),
                    started_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    reported_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    last_number = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("publish_sources_pkey", x => x.source);
                });

            migrationBuilder.CreateTable(
                name: "received_numbers",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityAlwaysColumn),
                    source = table.Column<long>(type: "bigint", nullable: false),
                    reception = table.Column<string>(type: "text", nullable: false),
                    numbers = table.Column<NpgsqlRange<long>[]>(type: "int8multirange", nullable: false),
                    noted_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("received_numbers_pkey", x => x.id);
                });

            migrationBuilder.CreateIndex(
                name: "publish_periods_ended_at",
                table: "publish_periods",
                column: "ended_at");

            migrationBuilder.CreateIndex(
                name: "publish_periods_incomplete",
                table: "publish_periods",
                column: "noted_at",
                filter: "not is_complete");

            // The row of an event knows under which number it was published (PublishNumber). Deleted by anyone, it is missing; retention drops only what was
            // processed 44 days ago.
            migrationBuilder.Sql(
                """
                create function public.note_deleted_events() returns trigger
                language plpgsql security definer set search_path = public, pg_temp as
                $$
                begin
                    insert into public.received_numbers (source, reception, numbers, noted_at)
                    select source, 'deleted', range_agg(int8range(number, number, '[]')), now()
                    from (select replace(delivery_id::text, '-', '') as digits from deleted where processed_at > now() - interval '44 days') as id
                    cross join lateral (
                        select ('x0' || left(digits, 12) || substr(digits, 14, 3))::bit(64)::bigint as source,
                            ('x' || right(digits, 16))::bit(64)::bigint & 4611686018427387903 as number) as publish
                    where substr(digits, 13, 1) = '8'
                    group by source;
                    return null;
                end
                $$;

                revoke all on function public.note_deleted_events() from public;

                create trigger webhook_events_deleted after delete on public.webhook_events
                    referencing old table as deleted for each statement execute function public.note_deleted_events();
                """);

            migrationBuilder.Sql(
                """
                create function public.drop_expired_publish_periods(before timestamptz, most integer) returns bigint
                language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '100ms' as
                $$
                declare
                    dropped bigint;
                begin
                    if before is null or before > now() - interval '7 days' then
                        raise exception 'only what is a week old can be dropped' using errcode = 'invalid_parameter_value';
                    end if;

                    delete from public.publish_periods
                    where ctid = any (array(
                        select ctid from public.publish_periods where ended_at < before order by ended_at limit most for update skip locked));
                    get diagnostics dropped = row_count;
                    return dropped;
                end
                $$;

                -- A source that has reported nothing for so long does not run any more. There is a row for each start of an ingress.
                create function public.drop_expired_publish_sources(before timestamptz, most integer) returns bigint
                language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '100ms' as
                $$
                declare
                    dropped bigint;
                begin
                    if before is null or before > now() - interval '7 days' then
                        raise exception 'only what is a week old can be dropped' using errcode = 'invalid_parameter_value';
                    end if;

                    delete from public.publish_sources
                    where source = any (array(
                        select source from public.publish_sources where reported_at < before limit most for update skip locked));
                    get diagnostics dropped = row_count;
                    return dropped;
                end
                $$;

                -- Numbers that no report was about: of an ingress that was killed, or that does not report.
                create function public.drop_expired_received_numbers(before timestamptz, most integer) returns bigint
                language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '100ms' as
                $$
                declare
                    dropped bigint;
                begin
                    if before is null or before > now() - interval '7 days' then
                        raise exception 'only what is a week old can be dropped' using errcode = 'invalid_parameter_value';
                    end if;

                    delete from public.received_numbers
                    where id = any (array(select id from public.received_numbers where noted_at < before order by id limit most for update skip locked));
                    get diagnostics dropped = row_count;
                    return dropped;
                end
                $$;

                revoke all on function public.drop_expired_publish_periods(timestamptz, integer) from public;
                revoke all on function public.drop_expired_publish_sources(timestamptz, integer) from public;
                revoke all on function public.drop_expired_received_numbers(timestamptz, integer) from public;
                """);

            // For logins whose rights someone else grants: every worker shows what is missing, who writes bodies consumes, and who records acts of operators
            // serves the operations API.
            migrationBuilder.Sql(
                """
                do
                $$
                declare
                    login record;
                begin
                    -- The names are quoted already.
                    for login in
                        select distinct privilege.grantee::regrole::text as name
                        from pg_class as history, aclexplode(history.relacl) as privilege
                        where history.oid = 'public."__EFMigrationsHistory"'::regclass and privilege.privilege_type = 'SELECT' and privilege.grantee <> 0
                    loop
                        execute format('grant select on public.publish_periods to %s', login.name);
                    end loop;

                    for login in
                        select distinct privilege.grantee::regrole::text as name
                        from pg_class as bodies, aclexplode(bodies.relacl) as privilege
                        where bodies.oid = 'public.webhook_bodies'::regclass and privilege.privilege_type = 'INSERT' and privilege.grantee <> 0
                    loop
                        execute format('grant select, insert, delete on public.received_numbers to %s', login.name);
                        execute format('grant insert, update (applied, quarantined, parked, deleted) on public.publish_periods to %s', login.name);
                        execute format('grant select, insert, update (reported_at, last_number) on public.publish_sources to %s', login.name);
                        execute format('grant execute on function public.drop_expired_publish_periods(timestamptz, integer) to %s', login.name);
                        execute format('grant execute on function public.drop_expired_publish_sources(timestamptz, integer) to %s', login.name);
                        execute format('grant execute on function public.drop_expired_received_numbers(timestamptz, integer) to %s', login.name);
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
                drop trigger webhook_events_deleted on public.webhook_events;
                drop function public.note_deleted_events();
                drop function public.drop_expired_publish_periods(timestamptz, integer);
                drop function public.drop_expired_publish_sources(timestamptz, integer);
                drop function public.drop_expired_received_numbers(timestamptz, integer);
                """);

            migrationBuilder.DropTable(
                name: "publish_periods");

            migrationBuilder.DropTable(
                name: "publish_sources");

            migrationBuilder.DropTable(
                name: "received_numbers");
        }
    }
}
