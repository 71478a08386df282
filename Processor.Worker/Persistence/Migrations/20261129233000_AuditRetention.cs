using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Processor.Worker.Persistence.Migrations
{
    /// <inheritdoc />
    public partial class AuditRetention : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(
            """
            create function public.drop_expired_audit_log(before timestamptz, most integer) returns bigint
            language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '100ms' as
            $$
            declare
                dropped bigint;
            begin
                if before is null or before > now() - interval '7 days' then
                    raise exception 'only what is a week old can be dropped' using errcode = 'invalid_parameter_value';
                end if;

                delete from public.audit_log
                where id = any (array(
                    select id from public.audit_log where at < before order by at, id limit most for update skip locked));
                get diagnostics dropped = row_count;
                return dropped;
            end
            $$;
            revoke execute on function public.drop_expired_audit_log(timestamptz, integer) from public;

            create function public.drop_expired_replays(before timestamptz, most integer) returns bigint
            language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '100ms' as
            $$
            declare
                dropped bigint;
            begin
                if before is null or before > now() - interval '7 days' then
                    raise exception 'only what is a week old can be dropped' using errcode = 'invalid_parameter_value';
                end if;

                delete from public.replays
                where id = any (array(
                    select id from public.replays where finished_at < before order by finished_at limit most for update skip locked));
                get diagnostics dropped = row_count;
                return dropped;
            end
            $$;
            revoke execute on function public.drop_expired_replays(timestamptz, integer) from public;
            """);

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql(
            """
            drop function public.drop_expired_audit_log(timestamptz, integer);
            drop function public.drop_expired_replays(timestamptz, integer);
            """);
    }
}
