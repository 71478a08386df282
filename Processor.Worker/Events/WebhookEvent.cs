using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Npgsql;
using Processor.Worker.Persistence;

namespace Processor.Worker.Events;

/// <summary>
/// An accepted event, stored once. The row keeps the identity of the event and outlives its body. Its columns describe the first processed
/// delivery.
/// </summary>
internal sealed class WebhookEvent
{
    /// <summary>The first body and its variants, together.</summary>
    public const int MaxBodies = 8;

    public required Guid EventId { get; init; }

    public required string EventType { get; init; }

    public required string JobId { get; init; }

    public required DateTimeOffset ReceivedAt { get; init; }

    public required DateTimeOffset SentAt { get; init; }

    /// <summary>When the event was committed.</summary>
    public required DateTimeOffset ProcessedAt { get; init; }

    /// <summary>True when the webhook was authentic, but signed long before it was received.</summary>
    public required bool Late { get; init; }

    public required string Origin { get; init; }

    /// <summary>The name of the secret that matched.</summary>
    public required string SecretName { get; init; }

    public required Guid DeliveryId { get; init; }

    /// <summary>The trace id in the tracing system, 32 hex characters. Null when the delivery was not traced.</summary>
    public string? TraceId { get; init; }

    public required byte[] BodySha256 { get; init; }

    /// <summary>SHA-256 of further bodies of the same event, in the order of their variant numbers from 1.</summary>
    public byte[][] Variants { get; init; } = [];

    /// <summary>
    /// The fact that the event states about its job (<see cref="Jobs.JobFact.ToJson"/>). Null when it does not concern the state of a job.
    /// </summary>
    public byte[]? Fact { get; init; }

    public static NpgsqlBatchCommand Insert(IReadOnlyList<WebhookEvent> rows) => new(
        """
        insert into webhook_events (event_id, event_type, job_id, received_at, sent_at, processed_at, late, origin, secret_name,
                                    delivery_id, trace_id, body_sha256, fact)
        select * from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        """)
    {
        Parameters =
        {
            Column.Uuid(rows, row => row.EventId),
            Column.Text(rows, row => row.EventType),
            Column.Text(rows, row => row.JobId),
            Column.Time(rows, row => row.ReceivedAt),
            Column.Time(rows, row => row.SentAt),
            Column.Time(rows, row => row.ProcessedAt),
            Column.Boolean(rows, row => row.Late),
            Column.Text(rows, row => row.Origin),
            Column.Text(rows, row => row.SecretName),
            Column.Uuid(rows, row => row.DeliveryId),
            Column.Text(rows, row => row.TraceId),
            Column.Bytes(rows, row => row.BodySha256),
            Column.Json(rows, row => row.Fact),
        },
    };

    internal sealed class Mapping : IEntityTypeConfiguration<WebhookEvent>
    {
        public void Configure(EntityTypeBuilder<WebhookEvent> builder)
        {
            builder.ToTable("webhook_events");
            builder.HasKey(row => row.EventId).HasName("webhook_events_pkey");
            builder.HasIndex(row => row.JobId).HasDatabaseName("webhook_events_job_id");
            // The lists of the operations API (Operations/EventReader.cs), newest first: all events, and those of one type. New entries go to the end of
            // these two, so that they cost a group little.
            builder.HasIndex(row => new { row.ReceivedAt, row.EventId }, "webhook_events_received_at");
            builder.HasIndex(row => new { row.EventType, row.ReceivedAt, row.EventId }, "webhook_events_event_type");
            // Few events are late, or were not sent by Magic Hour: without these, finding them would read all others.
            builder.HasIndex(row => new { row.ReceivedAt, row.EventId }, "webhook_events_late").HasFilter("late");
            builder.HasIndex(row => new { row.ReceivedAt, row.EventId }, "webhook_events_not_live").HasFilter("origin <> 'live'");
            // An event by the trace that someone looks at. A hash is a fifth of the text.
            builder.HasIndex(row => row.TraceId, "webhook_events_trace_id").HasMethod("hash").HasFilter("trace_id is not null");
            // For retention, which asks by the time of the commit. Rows of one commit share a value and come in its order, so that an event costs six
            // bytes at the right edge. A BRIN index would cost less, until retention frees pages: new rows in old pages stretch every range to all
            // times.
            builder.HasIndex(row => row.ProcessedAt).HasDatabaseName("webhook_events_processed_at");
            // Not in the model: transaction_id, which PostgreSQL fills in, with the index webhook_events_transaction_id, for the feed
            // (Operations/EventFeed.cs).
            builder.Property(row => row.EventId).HasColumnName("event_id").ValueGeneratedNever();
            builder.Property(row => row.EventType).HasColumnName("event_type");
            builder.Property(row => row.JobId).HasColumnName("job_id");
            builder.Property(row => row.ReceivedAt).HasColumnName("received_at");
            builder.Property(row => row.SentAt).HasColumnName("sent_at");
            builder.Property(row => row.ProcessedAt).HasColumnName("processed_at");
            builder.Property(row => row.Late).HasColumnName("late");
            builder.Property(row => row.Origin).HasColumnName("origin");
            builder.Property(row => row.SecretName).HasColumnName("secret_name");
            builder.Property(row => row.DeliveryId).HasColumnName("delivery_id");
            builder.Property(row => row.TraceId).HasColumnName("trace_id");
            builder.Property(row => row.BodySha256).HasColumnName("body_sha256");
            builder.Property(row => row.Variants).HasColumnName("variants").HasDefaultValueSql("'{}'");
            builder.Property(row => row.Fact).HasColumnName("fact").HasColumnType("jsonb").HasConversion(Utf8Json.Converter, Utf8Json.Comparer);
        }
    }
}
