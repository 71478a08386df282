using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Npgsql;
using Processor.Worker.Jobs;
using Processor.Worker.Persistence;

namespace Processor.Worker.Outbox;

/// <summary>
/// A message caused by a commit. It is inserted in the same transaction, published afterwards and then deleted.
/// </summary>
internal sealed class OutboxMessage
{
    /// <summary>Set by the database; the order of publishing.</summary>
    public long Id { get; init; }

    /// <summary>
    /// The AMQP message id, the same when it is published again: the id of the webhook event that caused the message, or a new one for a replay
    /// that asks for it.
    /// </summary>
    public required Guid MessageId { get; init; }

    /// <summary>The contract's name (<see cref="DomainEvents"/>).</summary>
    public required string MessageType { get; init; }

    /// <summary>The contract as JSON in UTF-8.</summary>
    public required byte[] Body { get; init; }

    /// <summary>The trace of the message, as a W3C <c>traceparent</c>. Null when there is none.</summary>
    public string? TraceParent { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <param name="messageId">Null for the id of the event, which is also that of the first publish.</param>
    public static OutboxMessage Announce(JobTransition transition, string? traceParent, DateTimeOffset now, Guid? messageId = null)
    {
        var (type, body) = DomainEvents.Serialize(transition.ToDomainEvent());
        return new OutboxMessage
        {
            MessageId = messageId ?? transition.EventId,
            MessageType = type,
            Body = body,
            TraceParent = traceParent,
            CreatedAt = now,
        };
    }

    public static NpgsqlBatchCommand Insert(IReadOnlyList<OutboxMessage> rows) => new(
        "insert into outbox_message (message_id, message_type, body, trace_parent, created_at) select * from unnest($1, $2, $3, $4, $5)")
    {
        Parameters =
        {
            Column.Uuid(rows, row => row.MessageId),
            Column.Text(rows, row => row.MessageType),
            Column.Json(rows, row => row.Body),
            Column.Text(rows, row => row.TraceParent),
            Column.Time(rows, row => row.CreatedAt),
        },
    };

    /// <summary>
    /// Deletes and returns the oldest rows that no other replica is publishing; a rollback restores them. Rows of types unknown to this
    /// version come from a newer one, and stay for it.
    /// </summary>
    /// <param name="limit">Largest number of rows.</param>
    /// <param name="bytes">Largest total size of their bodies; a larger one is taken alone.</param>
    public static NpgsqlBatchCommand TakeOldest(int limit, int bytes) => new(
        """
        delete from outbox_message
        where id = any (array(
            select id
            from (
                select id, row_number() over (order by id) as place, sum(octet_length(body::text)) over (order by id) as bytes
                from (select id, body from outbox_message where message_type = any ($2) order by id limit $1 for update skip locked) as oldest
            ) as summed
            where bytes <= $3 or place = 1))
        returning id, message_id, message_type, body, trace_parent, created_at
        """)
    {
        Parameters =
        {
            new NpgsqlParameter<int> { TypedValue = limit },
            new NpgsqlParameter<string[]> { TypedValue = DomainEvents.TypeNames },
            new NpgsqlParameter<int> { TypedValue = bytes },
        },
    };

    /// <summary>Lets the transaction idle while it waits for its confirms: PostgreSQL ends other idle transactions earlier.</summary>
    public static NpgsqlBatchCommand AllowIdle(TimeSpan time) => new("select set_config('idle_in_transaction_session_timeout', $1, true)")
    {
        Parameters = { new NpgsqlParameter<string> { TypedValue = $"{(long)time.TotalMilliseconds}" } },
    };

    public static OutboxMessage Read(NpgsqlDataReader row) => new()
    {
        Id = row.GetInt64(0),
        MessageId = row.GetGuid(1),
        MessageType = row.GetString(2),
        Body = row.GetFieldValue<byte[]>(3),
        TraceParent = row.TextOrNull(4),
        CreatedAt = row.GetFieldValue<DateTimeOffset>(5),
    };

    public ActivityContext ParentContext => ActivityContext.TryParse(TraceParent, null, out var context) ? context : default;

    internal sealed class Mapping : IEntityTypeConfiguration<OutboxMessage>
    {
        public void Configure(EntityTypeBuilder<OutboxMessage> builder)
        {
            builder.ToTable("outbox_message");
            builder.HasKey(row => row.Id).HasName("outbox_message_pkey");
            builder.Property(row => row.Id).HasColumnName("id").UseIdentityAlwaysColumn();
            builder.Property(row => row.MessageId).HasColumnName("message_id");
            builder.Property(row => row.MessageType).HasColumnName("message_type");
            builder.Property(row => row.Body).HasColumnName("body").HasColumnType("jsonb").HasConversion(Utf8Json.Converter, Utf8Json.Comparer);
            builder.Property(row => row.TraceParent).HasColumnName("trace_parent");
            builder.Property(row => row.CreatedAt).HasColumnName("created_at");
        }
    }
}
