using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Npgsql;
using Processor.Worker.Jobs;
using Processor.Worker.Persistence;

namespace Processor.Worker.Outbox;

/// <summary>
/// A message that must leave because of a commit: a row of the same transaction first, published afterwards and then deleted.
/// </summary>
internal sealed class OutboxMessage
{
    /// <summary>Set by the database; the order of publishing.</summary>
    public long Id { get; init; }

    /// <summary>The AMQP message id, the same at every repeat: the webhook event that caused the message.</summary>
    public required Guid MessageId { get; init; }

    /// <summary>The contract's name (<see cref="DomainEvents"/>).</summary>
    public required string MessageType { get; init; }

    /// <summary>The contract as JSON.</summary>
    public required string Body { get; init; }

    /// <summary>The trace that the message belongs to, in the form of the W3C header. Null when there is none.</summary>
    public string? TraceParent { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public static OutboxMessage Announce(JobTransition transition, string? traceParent, DateTimeOffset now)
    {
        var (type, body) = DomainEvents.Serialize(transition.ToDomainEvent());
        return new OutboxMessage
        {
            MessageId = transition.EventId,
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
    /// Takes the oldest rows that no other replica is publishing; they come back if the transaction does not commit. Types that this
    /// version does not know were written by a newer one, and are left for it.
    /// </summary>
    public static NpgsqlBatchCommand TakeOldest(int limit) => new(
        """
        delete from outbox_message
        where id = any (array(
            select id from outbox_message where message_type = any ($2) order by id limit $1 for update skip locked))
        returning id, message_id, message_type, body, trace_parent, created_at
        """)
    {
        Parameters =
        {
            new NpgsqlParameter<int> { TypedValue = limit },
            new NpgsqlParameter<string[]> { TypedValue = DomainEvents.TypeNames },
        },
    };

    /// <summary>Lets the transaction wait for its confirms; PostgreSQL ends other idle ones early.</summary>
    public static NpgsqlBatchCommand AllowIdle(TimeSpan time) => new("select set_config('idle_in_transaction_session_timeout', $1, true)")
    {
        Parameters = { new NpgsqlParameter<string> { TypedValue = $"{(long)time.TotalMilliseconds}" } },
    };

    public static OutboxMessage Read(NpgsqlDataReader row) => new()
    {
        Id = row.GetInt64(0),
        MessageId = row.GetGuid(1),
        MessageType = row.GetString(2),
        Body = row.GetString(3),
        TraceParent = row.IsDBNull(4) ? null : row.GetString(4),
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
            builder.Property(row => row.Body).HasColumnName("body").HasColumnType("jsonb");
            builder.Property(row => row.TraceParent).HasColumnName("trace_parent");
            builder.Property(row => row.CreatedAt).HasColumnName("created_at");
        }
    }
}
