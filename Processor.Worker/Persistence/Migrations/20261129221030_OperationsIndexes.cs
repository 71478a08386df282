using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Processor.Worker.Persistence.Migrations
{
    /// <summary>
    /// The indexes of the lists of the operations API. Built beside running workers: a plain build would lock out every commit until it ends. An
    /// interrupted build leaves an invalid index, which the next run drops.
    /// </summary>
    public partial class OperationsIndexes : Migration
    {
        private static readonly (string Name, string Definition)[] Indexes =
        [
            ("webhook_events_received_at", "webhook_events (received_at, event_id)"),
            ("webhook_events_event_type", "webhook_events (event_type, received_at, event_id)"),
            ("webhook_events_late", "webhook_events (received_at, event_id) where late"),
            ("webhook_events_not_live", "webhook_events (received_at, event_id) where origin <> 'live'"),
            ("webhook_events_trace_id", "webhook_events using hash (trace_id) where trace_id is not null"),
            ("jobs_created_at", "jobs (created_at, magic_hour_id)"),
            ("jobs_user_id", "jobs (user_id, created_at, magic_hour_id) where user_id is not null"),
            ("jobs_unsuccessful", "jobs (status, created_at, magic_hour_id) where status in ('failed', 'canceled')"),
        ];

        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            foreach (var (name, definition) in Indexes)
            {
                migrationBuilder.Sql($"drop index concurrently if exists {name}", suppressTransaction: true);
                migrationBuilder.Sql($"create index concurrently {name} on {definition}", suppressTransaction: true);
            }
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            foreach (var (name, _) in Indexes)
            {
                migrationBuilder.Sql($"drop index concurrently if exists {name}", suppressTransaction: true);
            }
        }
    }
}
