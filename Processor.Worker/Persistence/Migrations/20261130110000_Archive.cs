using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Processor.Worker.Persistence.Migrations
{
    /// <inheritdoc />
    public partial class Archive : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "archived_downloads",
                columns: table => new
                {
                    job_id = table.Column<string>(type: "text", nullable: false),
                    file_id = table.Column<string>(type: "text", nullable: false),
                    state = table.Column<string>(type: "text", nullable: false),
                    object_key = table.Column<string>(type: "text", nullable: false),
                    upload_id = table.Column<string>(type: "text", nullable: true),
                    source_tag = table.Column<string>(type: "text", nullable: true),
                    attempts = table.Column<int>(type: "integer", nullable: false),
                    next_attempt_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    last_error = table.Column<string>(type: "text", nullable: true),
                    size = table.Column<long>(type: "bigint", nullable: true),
                    sha256 = table.Column<byte[]>(type: "bytea", nullable: true),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    stored_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("archived_downloads_pkey", x => new { x.job_id, x.file_id });
                    table.CheckConstraint("archived_downloads_state", "state in ('copying', 'stored', 'failed', 'erasing')");
                });

            migrationBuilder.CreateIndex(
                name: "archived_downloads_due",
                table: "archived_downloads",
                column: "next_attempt_at",
                filter: "state in ('copying', 'erasing')");

            // As before, and the archive.
            migrationBuilder.Sql(CreateEraseJob(EraseArchived));

            // For logins whose rights someone else grants: every worker samples the backlog, and who serves links reads the rows.
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
                        execute format('grant select on public.archived_downloads to %s', login.name);
                    end loop;
                end
                $$;
                """);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql(CreateEraseJob(""));

            migrationBuilder.DropTable(
                name: "archived_downloads");
        }

        private const string EraseArchived =
            """
                -- The objects are deleted by the role archive, and then the rows, which remember what is still to be deleted.
                update public.archived_downloads
                set state = 'erasing', next_attempt_at = at, attempts = 0, last_error = null, size = null, sha256 = null, source_tag = null
                where job_id = erased and state <> 'erasing';
                get diagnostics affected = row_count;
                total := total + affected;
            """;

        /// <param name="archived">Statements for what the archive knows of the job; none in the function of before.</param>
        private static string CreateEraseJob(string archived) =>
            $$"""
            create or replace function public.erase_job(erased text, at timestamptz) returns table (erased_at timestamptz, removed bigint)
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

            {{archived}}

                delete from public.job_checks where job_id = erased;
                get diagnostics affected = row_count;
                total := total + affected;

                return query select tombstone.erased_at, total from public.erased_jobs as tombstone where tombstone.job_id = erased;
            end
            $$;
            """;
    }
}
