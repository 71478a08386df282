using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Npgsql;
using Processor.Worker.Persistence;

namespace Processor.Worker.Inbox;

/// <summary>
/// Counts the unfinished attempts to process a suspect message (<see cref="PoisonMessageGuard"/>). The count is committed before
/// processing, so it survives a crash, and is deleted when the message is committed.
/// </summary>
internal sealed class DeliveryAttempt
{
    public required Guid MessageId { get; init; }

    public required int Attempts { get; init; }

    public required DateTimeOffset LastAttemptAt { get; init; }

    /// <summary>Increments the count and returns it.</summary>
    public static NpgsqlCommand Record(Guid messageId, DateTimeOffset now) => new(
        """
        insert into delivery_attempts (message_id, attempts, last_attempt_at) values ($1, 1, $2)
        on conflict (message_id) do update
        set attempts = delivery_attempts.attempts + 1, last_attempt_at = excluded.last_attempt_at
        returning attempts
        """)
    {
        Parameters =
        {
            new NpgsqlParameter<Guid> { TypedValue = messageId },
            new NpgsqlParameter<DateTime> { TypedValue = now.UtcDateTime },
        },
    };

    /// <summary>Deletes the counts of messages that are no longer suspect.</summary>
    public static NpgsqlBatchCommand Forget(IReadOnlyList<Guid> messageIds) => new("delete from delivery_attempts where message_id = any($1)")
    {
        Parameters = { Column.Uuid(messageIds, messageId => messageId) },
    };

    internal sealed class Mapping : IEntityTypeConfiguration<DeliveryAttempt>
    {
        public void Configure(EntityTypeBuilder<DeliveryAttempt> builder)
        {
            builder.ToTable("delivery_attempts");
            builder.HasKey(row => row.MessageId).HasName("delivery_attempts_pkey");
            builder.HasIndex(row => row.LastAttemptAt).HasDatabaseName("delivery_attempts_last_attempt_at");
            builder.Property(row => row.MessageId).HasColumnName("message_id").ValueGeneratedNever();
            builder.Property(row => row.Attempts).HasColumnName("attempts");
            builder.Property(row => row.LastAttemptAt).HasColumnName("last_attempt_at");
        }
    }
}
