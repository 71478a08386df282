using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Processor.Worker.Persistence.Migrations
{
    /// <inheritdoc />
    public partial class DownloadRefreshes : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            // First, and beside running workers, because it reads all jobs; an interrupted build is begun again.
            migrationBuilder.Sql("drop index concurrently if exists jobs_failed", suppressTransaction: true);
            migrationBuilder.Sql("create index concurrently jobs_failed on jobs (failed_at) where status = 'failed'", suppressTransaction: true);

            migrationBuilder.CreateTable(
                name: "download_refreshes",
                columns: table => new
                {
                    job_id = table.Column<string>(type: "text", nullable: false),
                    kind = table.Column<string>(type: "text", nullable: false),
                    state = table.Column<string>(type: "text", nullable: false),
                    requested_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    asked_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    answer = table.Column<string>(type: "text", nullable: true),
                    downloads = table.Column<string>(type: "jsonb", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("download_refreshes_pkey", x => x.job_id);
                    table.CheckConstraint("download_refreshes_state", "state in ('open', 'refreshed', 'not_offered', 'unavailable')");
                });

            migrationBuilder.CreateIndex(
                name: "download_refreshes_requested_at",
                table: "download_refreshes",
                column: "requested_at");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "download_refreshes");

            migrationBuilder.DropIndex(
                name: "jobs_failed",
                table: "jobs");
        }
    }
}
