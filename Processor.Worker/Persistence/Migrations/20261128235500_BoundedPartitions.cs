using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Processor.Worker.Persistence.Migrations
{
    /// <inheritdoc />
    public partial class BoundedPartitions : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            // The function runs as its owner: who may call it must not be able to make a million tables, and only those may call it who
            // may write bodies.
            migrationBuilder.Sql(
                """
                create or replace function public.create_webhook_bodies_partitions(days_ahead integer) returns void
                language plpgsql security definer
                set search_path = public, pg_temp set timezone = 'UTC' set datestyle = 'ISO, MDY' set lock_timeout = '5s' as
                $$
                declare
                    today date := (now() at time zone 'utc')::date;
                    from_time timestamptz;
                    to_time timestamptz;
                    partition text;
                begin
                    if days_ahead is null or days_ahead not between 0 and 60 then
                        raise exception 'days_ahead must be from 0 to 60' using errcode = 'invalid_parameter_value';
                    end if;

                    perform pg_advisory_xact_lock(hashtext('create_webhook_bodies_partitions'));
                    for days in 0 .. days_ahead loop
                        from_time := (today + days)::timestamp at time zone 'utc';
                        to_time := (today + days + 1)::timestamp at time zone 'utc';
                        partition := 'webhook_bodies_' || to_char(today + days, 'YYYYMMDD');
                        -- A day that has rows in the default partition already stays there.
                        if to_regclass('public.' || partition) is null and not exists (
                            select from public.webhook_bodies_default where received_at >= from_time and received_at < to_time)
                        then
                            execute format('create table public.%I partition of public.webhook_bodies for values from (%L) to (%L)',
                                           partition, from_time, to_time);
                        end if;
                    end loop;
                end
                $$;

                revoke all on function public.create_webhook_bodies_partitions(integer) from public;

                do
                $$
                declare
                    writer record;
                begin
                    for writer in
                        select distinct privilege.grantee::regrole::text as name
                        from pg_class as bodies, aclexplode(bodies.relacl) as privilege
                        where bodies.oid = 'public.webhook_bodies'::regclass and privilege.privilege_type = 'INSERT' and privilege.grantee <> 0
                    loop
                        -- The name is quoted already.
                        execute 'grant execute on function public.create_webhook_bodies_partitions(integer) to ' || writer.name;
                    end loop;
                end
                $$;
                """);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql("grant execute on function public.create_webhook_bodies_partitions(integer) to public;");
        }
    }
}
