using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Processor.Worker.Persistence.Migrations
{
    /// <inheritdoc />
    public partial class DownloadsCut : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<bool>(
                name: "downloads_cut",
                table: "jobs",
                type: "boolean",
                nullable: false,
                defaultValue: false);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "downloads_cut",
                table: "jobs");
        }
    }
}
