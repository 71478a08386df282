using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Npgsql;
using Processor.Worker.Persistence;

namespace Processor.Worker.Inbox;

/// <summary>A message that a consumer has consumed. The unique key guarantees "once"; its rows outlive every later delivery (<see cref="Retention.ExpiredEvents"/>).</summary>
internal sealed class InboxState
{
    public required Guid MessageId { get; init; }

    /// <summary>MassTransit's id of the consumer on its endpoint.</summary>
    public required Guid ConsumerId { get; init; }

    public required DateTimeOffset ConsumedAt { get; init; }

    /// <summary>Returns the ids of messages not consumed before.</summary>
    /// <param name="rows">Sorted by message id, so that two groups cannot deadlock.</param>
    public static NpgsqlBatchCommand Claim(IReadOnlyList<InboxState> rows) => new(
        """
        insert into inbox_state (message_id, consumer_id, consumed_at)
        select * from unnest($1, $2, $3)
        on conflict do nothing
        returning message_id
        """)
    {
        Parameters =
        {
            Column.Uuid(rows, row => row.MessageId),
            Column.Uuid(rows, row => row.ConsumerId),
            Column.Time(rows, row => row.ConsumedAt),
        },
    };

    internal sealed class Mapping : IEntityTypeConfiguration<InboxState>
    {
        public void Configure(EntityTypeBuilder<InboxState> builder)
        {
            builder.ToTable("inbox_state");
            builder.HasKey(row => new { row.MessageId, row.ConsumerId }).HasName("inbox_state_pkey");
            builder.Property(row => row.MessageId).HasColumnName("message_id");
            builder.Property(row => row.ConsumerId).HasColumnName("consumer_id");
            builder.Property(row => row.ConsumedAt).HasColumnName("consumed_at");
        }
    }
}
