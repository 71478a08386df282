using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Processor.Worker.Persistence.Migrations
{
    /// <inheritdoc />
    public partial class SafeSearchPath : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            // pg_temp last, and every name with its schema: a caller's temporary tables would stand in for those of the owner.
            // The bounds of a partition are text on their way, and must be read as they were written, whatever the caller's session has.
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
                """);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            // The function does the same as before.
        }
    }
}
