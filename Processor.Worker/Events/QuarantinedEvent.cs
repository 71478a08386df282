using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Npgsql;
using Processor.Worker.Persistence;

namespace Processor.Worker.Events;

/// <summary>A signed body that is not a usable event, stored until a person releases it. Identical bodies are stored once.</summary>
internal sealed class QuarantinedEvent
{
    public required byte[] BodySha256 { get; init; }

    /// <summary>One of <see cref="Platform.Contracts.QuarantineReasons"/>.</summary>
    public required string Reason { get; init; }

    public required ReadOnlyMemory<byte> Body { get; init; }

    public required DateTimeOffset ReceivedAt { get; init; }

    public required DateTimeOffset SentAt { get; init; }

    public required string SecretName { get; init; }

    public required Guid DeliveryId { get; init; }

    public string? TraceId { get; init; }

    /// <summary>When an operator decided that it will never be released. Null while it may be.</summary>
    public DateTimeOffset? DiscardedAt { get; init; }

    public static NpgsqlBatchCommand Insert(IReadOnlyList<QuarantinedEvent> rows) => new(
        """
        insert into quarantined_events (body_sha256, reason, body, received_at, sent_at, secret_name, delivery_id, trace_id)
        select * from unnest($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict (body_sha256) do nothing
        """)
    {
        Parameters =
        {
            Column.Bytes(rows, row => row.BodySha256),
            Column.Text(rows, row => row.Reason),
            Column.Bytes(rows, row => row.Body),
            Column.Time(rows, row => row.ReceivedAt),
            Column.Time(rows, row => row.SentAt),
            Column.Text(rows, row => row.SecretName),
            Column.Uuid(rows, row => row.DeliveryId),
            Column.Text(rows, row => row.TraceId),
        },
    };

    /// <summary>Keeps messages that were parked elsewhere as discarded. Copies of a message may be among them.</summary>
    public static NpgsqlBatchCommand InsertDiscarded(IReadOnlyList<QuarantinedEvent> rows, DateTimeOffset now) => new(
        """
        insert into quarantined_events (body_sha256, reason, body, received_at, sent_at, secret_name, delivery_id, discarded_at)
        select distinct on (sha256) *, $8 from unnest($1, $2, $3, $4, $5, $6, $7) as parked (sha256)
        on conflict (body_sha256) do update set discarded_at = excluded.discarded_at
        """)
    {
        Parameters =
        {
            Column.Bytes(rows, row => row.BodySha256),
            Column.Text(rows, row => row.Reason),
            Column.Bytes(rows, row => row.Body),
            Column.Time(rows, row => row.ReceivedAt),
            Column.Time(rows, row => row.SentAt),
            Column.Text(rows, row => row.SecretName),
            Column.Uuid(rows, row => row.DeliveryId),
            new NpgsqlParameter<DateTime> { TypedValue = now.UtcDateTime },
        },
    };

    /// <summary>Marks rows as discarded.</summary>
    public static NpgsqlBatchCommand Discard(IReadOnlyList<QuarantinedEvent> rows, DateTimeOffset now) => new(
        "update quarantined_events set discarded_at = $2 where body_sha256 = any($1)")
    {
        Parameters = { Column.Bytes(rows, row => row.BodySha256), new NpgsqlParameter<DateTime> { TypedValue = now.UtcDateTime } },
    };

    /// <summary>The next rows in key order, without those that are discarded.</summary>
    /// <param name="after">The last key read; empty to start.</param>
    public static NpgsqlCommand SelectAfter(byte[] after, int limit) => new(
        """
        select body_sha256, reason, body, received_at, sent_at, secret_name, delivery_id, trace_id
        from quarantined_events where body_sha256 > $1 and discarded_at is null order by body_sha256 limit $2
        """)
    {
        Parameters =
        {
            new NpgsqlParameter<byte[]> { TypedValue = after },
            new NpgsqlParameter<int> { TypedValue = limit },
        },
    };

    public static NpgsqlCommand Delete(IReadOnlyList<QuarantinedEvent> rows) => new("delete from quarantined_events where body_sha256 = any($1)")
    {
        Parameters = { Column.Bytes(rows, row => row.BodySha256) },
    };

    public static QuarantinedEvent Read(NpgsqlDataReader row) => new()
    {
        BodySha256 = row.GetFieldValue<byte[]>(0),
        Reason = row.GetString(1),
        Body = row.GetFieldValue<byte[]>(2),
        ReceivedAt = row.GetFieldValue<DateTimeOffset>(3),
        SentAt = row.GetFieldValue<DateTimeOffset>(4),
        SecretName = row.GetString(5),
        DeliveryId = row.GetGuid(6),
        TraceId = row.TextOrNull(7),
    };

    internal sealed class Mapping : IEntityTypeConfiguration<QuarantinedEvent>
    {
        public void Configure(EntityTypeBuilder<QuarantinedEvent> builder)
        {
            builder.ToTable("quarantined_events");
            builder.HasKey(row => row.BodySha256).HasName("quarantined_events_pkey");
            builder.HasIndex(row => row.ReceivedAt).HasDatabaseName("quarantined_events_received_at");
            builder.Property(row => row.BodySha256).HasColumnName("body_sha256");
            builder.Property(row => row.Reason).HasColumnName("reason");
            builder.Property(row => row.Body).HasColumnName("body").HasConversion(body => body.ToArray(), bytes => bytes);
            builder.Property(row => row.ReceivedAt).HasColumnName("received_at");
            builder.Property(row => row.SentAt).HasColumnName("sent_at");
            builder.Property(row => row.SecretName).HasColumnName("secret_name");
            builder.Property(row => row.DeliveryId).HasColumnName("delivery_id");
            builder.Property(row => row.TraceId).HasColumnName("trace_id");
            builder.Property(row => row.DiscardedAt).HasColumnName("discarded_at");
        }
    }
}
