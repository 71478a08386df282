using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Processor.Worker.Persistence.Migrations
{
    /// <inheritdoc />
    public partial class Erasure : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "erased_jobs",
                columns: table => new
                {
                    job_id = table.Column<string>(type: "text", nullable: false),
                    erased_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("erased_jobs_pkey", x => x.job_id);
                });

            // It runs as its owner, so that the role api needs no right to delete events, bodies and jobs: only what belongs to one job, and that never
            // without a tombstone.
            migrationBuilder.Sql(
                """
                create function public.erase_job(erased text, at timestamptz) returns table (erased_at timestamptz, removed bigint)
                language plpgsql security definer set search_path = public, pg_temp as
                $$
                #variable_conflict use_column
                declare
                    strays bytea[] := '{}';
                    event_ids uuid[];
                    affected bigint;
                    total bigint := 0;
                begin
                    -- Bodies without an identity, by the id as JSON writes it. Before the lock, since it reads them all; and not by an id so short
                    -- that it may mean something else.
                    if length(erased) >= 8 then
                        strays := array(
                            select body_sha256 from public.quarantined_events
                            where position(convert_to(to_json(erased)::text, 'UTF8') in body) > 0);
                    end if;

                    -- JobLock: what is read after it is final.
                    perform pg_advisory_xact_lock(6975330, hashtext(erased));
                    if not exists (
                        select 1 from public.jobs where magic_hour_id = erased
                        union all select 1 from public.webhook_events where job_id = erased
                        union all select 1 from public.job_registrations where job_id = erased
                        union all select 1 from public.erased_jobs where job_id = erased)
                    then
                        return;
                    end if;

                    insert into public.erased_jobs (job_id, erased_at) values (erased, at) on conflict do nothing;

                    event_ids := array(select event_id from public.webhook_events where job_id = erased);
                    delete from public.webhook_bodies where event_id = any (event_ids);
                    get diagnostics affected = row_count;
                    total := total + affected;

                    delete from public.quarantined_events where body_sha256 = any (strays);
                    get diagnostics affected = row_count;
                    total := total + affected;

                    -- The rest of a fact is what the row of the job still shows: it is computed from them (Job.From). Every fact has downloads.
                    update public.webhook_events
                    set fact = '{"downloads": []}' || (
                        select jsonb_object_agg(key, value) from jsonb_each(fact) where key in ('status', 'resource', 'received_at', 'deleted_at'))
                    where job_id = erased and fact - array['status', 'resource', 'received_at', 'deleted_at'] <> '{"downloads": []}';
                    get diagnostics affected = row_count;
                    total := total + affected;

                    update public.jobs
                    set project_type = null, name = null, user_id = null, download_url = null,
                        downloads = case when downloads is null then null else '[]'::jsonb end, downloads_cut = false, download_expires_at = null,
                        error_code = null, error_message = null, credits_charged = null
                    where magic_hour_id = erased and (
                        num_nonnulls(project_type, name, user_id, download_url, download_expires_at, error_code, error_message, credits_charged) > 0
                        or downloads <> '[]' or downloads_cut);
                    get diagnostics affected = row_count;
                    total := total + affected;

                    delete from public.job_registrations where job_id = erased;
                    get diagnostics affected = row_count;
                    total := total + affected;

                    delete from public.notifications where job_id = erased;
                    get diagnostics affected = row_count;
                    total := total + affected;

                    delete from public.download_refreshes where job_id = erased;
                    get diagnostics affected = row_count;
                    total := total + affected;

                    delete from public.job_checks where job_id = erased;
                    get diagnostics affected = row_count;
                    total := total + affected;

                    return query select tombstone.erased_at, total from public.erased_jobs as tombstone where tombstone.job_id = erased;
                end
                $$;

                revoke all on function public.erase_job(text, timestamptz) from public;
                """);

            // For logins whose rights someone else grants: every worker needs the tombstones, and who records acts of operators erases.
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
                        execute format('grant select on public.erased_jobs to %s', login.name);
                    end loop;

                    for login in
                        select distinct privilege.grantee::regrole::text as name
                        from pg_class as audit, aclexplode(audit.relacl) as privilege
                        where audit.oid = 'public.audit_log'::regclass and privilege.privilege_type = 'INSERT' and privilege.grantee <> 0
                    loop
                        execute format('grant execute on function public.erase_job(text, timestamptz) to %s', login.name);
                    end loop;
                end
                $$;
                """);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql("drop function public.erase_job(text, timestamptz)");

            migrationBuilder.DropTable(
                name: "erased_jobs");
        }
    }
}
