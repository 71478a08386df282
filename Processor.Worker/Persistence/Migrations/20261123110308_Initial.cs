using System;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;

#nullable disable

namespace Processor.Worker.Persistence.Migrations
{
    /// <inheritdoc />
    public partial class Initial : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "inbox_state",
                columns: table => new
                {
                    message_id = table.Column<Guid>(type: "uuid", nullable: false),
                    consumer_id = table.Column<Guid>(type: "uuid", nullable: false),
                    consumed_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("inbox_state_pkey", x => new { x.message_id, x.consumer_id });
                });

            migrationBuilder.CreateTable(
                name: "jobs",
                columns: table => new
                {
                    magic_hour_id = table.Column<string>(type: "text", nullable: false),
                    resource = table.Column<string>(type: "text", nullable: false),
                    status = table.Column<string>(type: "text", nullable: false),
                    project_type = table.Column<string>(type: "text", nullable: true),
                    name = table.Column<string>(type: "text", nullable: true),
                    user_id = table.Column<string>(type: "text", nullable: true),
                    download_url = table.Column<string>(type: "text", nullable: true),
                    downloads = table.Column<string>(type: "jsonb", nullable: true),
                    error_code = table.Column<string>(type: "text", nullable: true),
                    error_message = table.Column<string>(type: "text", nullable: true),
                    credits_charged = table.Column<long>(type: "bigint", nullable: true),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    started_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    completed_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    failed_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    updated_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("jobs_pkey", x => x.magic_hour_id);
                    table.CheckConstraint("jobs_status", "status in ('queued', 'rendering', 'canceled', 'failed', 'completed')");
                });

            migrationBuilder.CreateTable(
                name: "outbox_message",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityAlwaysColumn),
                    message_id = table.Column<Guid>(type: "uuid", nullable: false),
                    message_type = table.Column<string>(type: "text", nullable: false),
                    body = table.Column<string>(type: "jsonb", nullable: false),
                    trace_parent = table.Column<string>(type: "text", nullable: true),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("outbox_message_pkey", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "quarantined_events",
                columns: table => new
                {
                    body_sha256 = table.Column<byte[]>(type: "bytea", nullable: false),
                    reason = table.Column<string>(type: "text", nullable: false),
                    body = table.Column<byte[]>(type: "bytea", nullable: false),
                    received_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    sent_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    secret_name = table.Column<string>(type: "text", nullable: false),
                    delivery_id = table.Column<Guid>(type: "uuid", nullable: false),
                    trace_id = table.Column<string>(type: "text", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("quarantined_events_pkey", x => x.body_sha256);
                });

            // Entity Framework knows no partitions: the table of the model, written by hand.
            migrationBuilder.Sql(
                """
                create table webhook_bodies (
                    event_id uuid not null,
                    variant smallint not null,
                    received_at timestamptz not null,
                    body bytea not null,
                    constraint webhook_bodies_pkey primary key (event_id, variant, received_at)
                ) partition by range (received_at);

                create table webhook_bodies_default partition of webhook_bodies default;

                -- A partition for each of the coming days. Runs as its owner, so that the service needs no right to create tables.
                create function create_webhook_bodies_partitions(days_ahead integer) returns void
                language plpgsql security definer set search_path = public set lock_timeout = '5s' as
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
                        if to_regclass(partition) is null and not exists (
                            select from webhook_bodies_default where received_at >= from_time and received_at < to_time)
                        then
                            execute format('create table %I partition of webhook_bodies for values from (%L) to (%L)',
                                           partition, from_time, to_time);
                        end if;
                    end loop;
                end
                $$;
                """);

            migrationBuilder.CreateTable(
                name: "webhook_events",
                columns: table => new
                {
                    event_id = table.Column<Guid>(type: "uuid", nullable: false),
                    event_type = table.Column<string>(type: "text", nullable: false),
                    job_id = table.Column<string>(type: "text", nullable: false),
                    received_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    sent_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    processed_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    late = table.Column<bool>(type: "boolean", nullable: false),
                    origin = table.Column<string>(type: "text", nullable: false),
                    secret_name = table.Column<string>(type: "text", nullable: false),
                    delivery_id = table.Column<Guid>(type: "uuid", nullable: false),
                    trace_id = table.Column<string>(type: "text", nullable: true),
                    body_sha256 = table.Column<byte[]>(type: "bytea", nullable: false),
                    variants = table.Column<byte[][]>(type: "bytea[]", nullable: false, defaultValueSql: "'{}'"),
                    fact = table.Column<string>(type: "jsonb", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("webhook_events_pkey", x => x.event_id);
                });

            migrationBuilder.CreateIndex(
                name: "webhook_events_job_id",
                table: "webhook_events",
                column: "job_id");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql("drop function create_webhook_bodies_partitions(integer);");

            migrationBuilder.DropTable(
                name: "inbox_state");

            migrationBuilder.DropTable(
                name: "jobs");

            migrationBuilder.DropTable(
                name: "outbox_message");

            migrationBuilder.DropTable(
                name: "quarantined_events");

            migrationBuilder.DropTable(
                name: "webhook_bodies");

            migrationBuilder.DropTable(
                name: "webhook_events");
        }
    }
}
