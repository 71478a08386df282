using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Processor.Worker.Persistence.Migrations
{
    /// <summary>What each ingress answered, by outcome and minute.</summary>
    public partial class IngressAnswers : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "ingress_answers",
                columns: table => new
                {
                    source = table.Column<long>(type: "bigint", nullable: false),
                    minute = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    accepted = table.Column<long>(type: "bigint", nullable: false),
                    late = table.Column<long>(type: "bigint", nullable: false),
                    quarantined = table.Column<long>(type: "bigint", nullable: false),
                    refused = table.Column<long>(type: "bigint", nullable: false),
                    unavailable = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("ingress_answers_pkey", x => new { x.source, x.minute });
                });

            migrationBuilder.CreateIndex(
                name: "ingress_answers_minute",
                table: "ingress_answers",
                column: "minute");

            migrationBuilder.Sql(
                """
                -- The last counts of an ingress that still reports are what its next ones are compared with.
                create function public.drop_expired_ingress_answers(before timestamptz, most integer) returns bigint
                language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '100ms' as
                $$
                declare
                    dropped bigint;
                begin
                    if before is null or before > now() - interval '7 days' then
                        raise exception 'only what is a week old can be dropped' using errcode = 'invalid_parameter_value';
                    end if;

                    delete from public.ingress_answers
                    where ctid = any (array(
                        select ctid from public.ingress_answers as old
                        where minute < before and (
                            exists (select from public.ingress_answers as newer where newer.source = old.source and newer.minute > old.minute)
                            or not exists (select from public.publish_sources as ingress where ingress.source = old.source))
                        order by minute limit most for update skip locked));
                    get diagnostics dropped = row_count;
                    return dropped;
                end
                $$;

                revoke all on function public.drop_expired_ingress_answers(timestamptz, integer) from public;
                """);

            // For logins whose rights someone else grants: who writes bodies consumes, and who records acts of operators shows the overview.
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
                        from pg_class as bodies, aclexplode(bodies.relacl) as privilege
                        where bodies.oid = 'public.webhook_bodies'::regclass and privilege.privilege_type = 'INSERT' and privilege.grantee <> 0
                    loop
                        execute format(
                            'grant select, insert, update (accepted, late, quarantined, refused, unavailable) on public.ingress_answers to %s', login.name);
                        execute format('grant execute on function public.drop_expired_ingress_answers(timestamptz, integer) to %s', login.name);
                    end loop;

                    for login in
                        select distinct privilege.grantee::regrole::text as name
                        from pg_class as audit, aclexplode(audit.relacl) as privilege
                        where audit.oid = 'public.audit_log'::regclass and privilege.privilege_type = 'INSERT' and privilege.grantee <> 0
                    loop
                        execute format('grant select on public.ingress_answers to %s', login.name);
                    end loop;
                end
                $$;
                """);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql("drop function public.drop_expired_ingress_answers(timestamptz, integer);");

            migrationBuilder.DropTable(
                name: "ingress_answers");
        }
    }
}
