using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Processor.Worker.Persistence.Migrations
{
    /// <inheritdoc />
    public partial class Reconciliation : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            // Not valid: existing rows satisfy the constraint that it replaces, and reading them would lock the table meanwhile.
            migrationBuilder.Sql(
                """
                alter table notifications
                    drop constraint notifications_outcome,
                    add constraint notifications_outcome check (outcome in ('completed', 'failed', 'canceled')) not valid
                """);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "canceled_at",
                table: "jobs",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "deleted_at",
                table: "jobs",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.CreateTable(
                name: "job_checks",
                columns: table => new
                {
                    job_id = table.Column<string>(type: "text", nullable: false),
                    kind = table.Column<string>(type: "text", nullable: false),
                    state = table.Column<string>(type: "text", nullable: false),
                    next_check_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    since = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    attempts = table.Column<int>(type: "integer", nullable: false),
                    failures = table.Column<int>(type: "integer", nullable: false),
                    not_found = table.Column<int>(type: "integer", nullable: false),
                    not_found_since = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    last_answer = table.Column<string>(type: "text", nullable: true),
                    reported = table.Column<string>(type: "text", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("job_checks_pkey", x => x.job_id);
                    table.CheckConstraint("job_checks_state", "state in ('waiting', 'given_up', 'parked')");
                });

            migrationBuilder.CreateIndex(
                name: "jobs_unfinished",
                table: "jobs",
                column: "magic_hour_id",
                filter: "status in ('queued', 'rendering')");

            migrationBuilder.CreateIndex(
                name: "job_checks_closed",
                table: "job_checks",
                column: "state",
                filter: "state <> 'waiting'");

            migrationBuilder.CreateIndex(
                name: "job_checks_due",
                table: "job_checks",
                column: "next_check_at",
                filter: "state = 'waiting'");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "job_checks");

            migrationBuilder.DropCheckConstraint(
                name: "notifications_outcome",
                table: "notifications");

            migrationBuilder.DropIndex(
                name: "jobs_unfinished",
                table: "jobs");

            migrationBuilder.DropColumn(
                name: "canceled_at",
                table: "jobs");

            migrationBuilder.DropColumn(
                name: "deleted_at",
                table: "jobs");

            migrationBuilder.AddCheckConstraint(
                name: "notifications_outcome",
                table: "notifications",
                sql: "outcome in ('completed', 'failed')");
        }
    }
}
