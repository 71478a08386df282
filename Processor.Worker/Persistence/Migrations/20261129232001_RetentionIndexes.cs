using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Processor.Worker.Persistence.Migrations
{
    /// <inheritdoc />
    public partial class RetentionIndexes : Migration
    {
        private static readonly (string Name, string On)[] Indexes =
        [
            ("webhook_events_processed_at", "webhook_events (processed_at)"),
            ("quarantined_events_received_at", "quarantined_events (received_at)"),
            ("notifications_settled", "notifications (decided_at) where status in ('delivered', 'superseded')"),
            ("delivery_attempts_last_attempt_at", "delivery_attempts (last_attempt_at)"),
            // Normally empty, and not in the model: Entity Framework knows no partitions.
            ("webhook_bodies_default_received_at", "webhook_bodies_default (received_at)"),
        ];

        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            // Built while workers write, which takes minutes on millions of rows and blocks no one; therefore outside of a transaction, and in a
            // migration of its own. It waits for transactions that are open, and no one waits for it: without a limit.
            migrationBuilder.Sql("set lock_timeout = 0", suppressTransaction: true);
            foreach (var (name, on) in Indexes)
            {
                // A build that was interrupted leaves an index that no query uses.
                migrationBuilder.Sql($"drop index concurrently if exists {name}", suppressTransaction: true);
                migrationBuilder.Sql($"create index concurrently {name} on {on}", suppressTransaction: true);
            }

            migrationBuilder.Sql("reset lock_timeout", suppressTransaction: true);
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
