using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Npgsql;
using Processor.Worker.Persistence;

namespace Processor.Worker.Events;

/// <summary>
/// A body as it was received, byte for byte, as evidence and for replay. Partitioned by day, so that retention drops whole days. The unique
/// key of an event is therefore in another table: it must outlive the body.
/// </summary>
internal sealed class WebhookBody
{
    public required Guid EventId { get; init; }

    /// <summary>0 for the first body of the event, then 1 to 7 for further bodies of the same event.</summary>
    public required short Variant { get; init; }

    public required DateTimeOffset ReceivedAt { get; init; }

    public required ReadOnlyMemory<byte> Body { get; init; }

    public static NpgsqlBatchCommand Insert(IReadOnlyList<WebhookBody> rows) => new(
        "insert into webhook_bodies (event_id, variant, received_at, body) select * from unnest($1, $2, $3, $4)")
    {
        Parameters =
        {
            Column.Uuid(rows, row => row.EventId),
            Column.Smallint(rows, row => row.Variant),
            Column.Time(rows, row => row.ReceivedAt),
            Column.Bytes(rows, row => row.Body),
        },
    };

    internal sealed class Mapping : IEntityTypeConfiguration<WebhookBody>
    {
        public void Configure(EntityTypeBuilder<WebhookBody> builder)
        {
            builder.ToTable("webhook_bodies");
            builder.HasKey(row => new { row.EventId, row.Variant, row.ReceivedAt }).HasName("webhook_bodies_pkey");
            builder.Property(row => row.EventId).HasColumnName("event_id");
            builder.Property(row => row.Variant).HasColumnName("variant");
            builder.Property(row => row.ReceivedAt).HasColumnName("received_at");
            builder.Property(row => row.Body).HasColumnName("body").HasConversion(body => body.ToArray(), bytes => bytes);
        }
    }
}
