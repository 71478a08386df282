using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Npgsql;
using Processor.Worker.Persistence;

namespace Processor.Worker.Inbox;

/// <summary>
/// How often a suspect message has been begun and not ended (<see cref="Suspects"/>). Committed before the message is processed, so that
/// it outlives the process; gone with the commit of the message.
/// </summary>
internal sealed class DeliveryAttempt
{
    public required Guid MessageId { get; init; }

    public required int Attempts { get; init; }

    public required DateTimeOffset LastAttemptAt { get; init; }

    /// <summary>Counts one more, and returns how many that makes.</summary>
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

    /// <summary>Clears messages of suspicion.</summary>
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
            builder.Property(row => row.MessageId).HasColumnName("message_id").ValueGeneratedNever();
            builder.Property(row => row.Attempts).HasColumnName("attempts");
            builder.Property(row => row.LastAttemptAt).HasColumnName("last_attempt_at");
        }
    }
}
