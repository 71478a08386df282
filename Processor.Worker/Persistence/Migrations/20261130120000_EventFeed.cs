using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Processor.Worker.Persistence.Migrations
{
    /// <summary>The transaction that stored an event, by which the feed orders events. Events from before have none, and are not in the feed.</summary>
    public partial class EventFeed : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            // Two statements: a column that is added with this default would rewrite the table.
            migrationBuilder.Sql("alter table webhook_events add column if not exists transaction_id xid8");
            migrationBuilder.Sql("alter table webhook_events alter column transaction_id set default pg_current_xact_id()");

            // Built while workers write, as in RetentionIndexes. Partial, so that it is small at first; rows of a commit share a value.
            migrationBuilder.Sql("set lock_timeout = 0", suppressTransaction: true);
            migrationBuilder.Sql("drop index concurrently if exists webhook_events_transaction_id", suppressTransaction: true);
            migrationBuilder.Sql(
                "create index concurrently webhook_events_transaction_id on webhook_events (transaction_id) where transaction_id is not null",
                suppressTransaction: true);
            migrationBuilder.Sql("reset lock_timeout", suppressTransaction: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.Sql("drop index concurrently if exists webhook_events_transaction_id", suppressTransaction: true);
            migrationBuilder.Sql("alter table webhook_events drop column transaction_id");
        }
    }
}
