using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Npgsql;
using Platform.Contracts;

namespace Processor.Worker.Accounting;

/// <summary>One life of one ingress, and its last report.</summary>
internal sealed class PublishSource
{
    public required long Source { get; init; }

    /// <summary>The name of the machine or pod.</summary>
    public required string Instance { get; init; }

    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>The time of the last report; before the first one, of the start.</summary>
    public required DateTimeOffset ReportedAt { get; init; }

    /// <summary>The highest number reported.</summary>
    public required long LastNumber { get; init; }

    /// <summary>
    /// Adds the period from the previous report to this one; none when nothing was published since. The lock on the source's row orders the reports of one source.
    /// </summary>
    public static NpgsqlBatch Note(PublishesConfirmed report, DateTimeOffset now) => new()
    {
        BatchCommands =
        {
            new NpgsqlBatchCommand(
                """
                insert into publish_sources (source, instance, started_at, reported_at, last_number)
                values ($1, $2, $3, $3, 0)
                on conflict do nothing
                """)
            {
                Parameters = { Number(report.Source), new NpgsqlParameter<string> { TypedValue = report.Instance }, Time(report.StartedAt) },
            },
            new NpgsqlBatchCommand(
                """
                with before as (
                    select source, instance, reported_at, greatest(last_number, $2) as last_number from publish_sources where source = $1 for update
                ), period as (
                    insert into publish_periods (source, first_number, last_number, instance, began_at, ended_at, noted_at, confirmed)
                    select source, last_number + 1, $3, instance, least(reported_at, $4), $4, $5,
                        int8multirange(int8range(last_number + 1, $3, '[]')) - $6::int8multirange
                    from before where last_number < $3
                )
                update publish_sources as source
                set reported_at = greatest(source.reported_at, $4), last_number = greatest(before.last_number, $3)
                from before where source.source = before.source
                """)
            {
                Parameters =
                {
                    Number(report.Source), Number(report.After), Number(report.Through), Time(report.ReportedAt), Time(now),
                    new NpgsqlParameter<string> { TypedValue = ReceivedNumbers.ToMultirange(report.Unconfirmed) },
                },
            },
        },
    };

    private static NpgsqlParameter<long> Number(long number) => new() { TypedValue = number };

    private static NpgsqlParameter<DateTime> Time(DateTimeOffset time) => new() { TypedValue = time.UtcDateTime };

    internal sealed class Mapping : IEntityTypeConfiguration<PublishSource>
    {
        public void Configure(EntityTypeBuilder<PublishSource> builder)
        {
            builder.ToTable("publish_sources");
            builder.HasKey(row => row.Source).HasName("publish_sources_pkey");
            builder.Property(row => row.Source).HasColumnName("source").ValueGeneratedNever();
            builder.Property(row => row.Instance).HasColumnName("instance");
            builder.Property(row => row.StartedAt).HasColumnName("started_at");
            builder.Property(row => row.ReportedAt).HasColumnName("reported_at");
            builder.Property(row => row.LastNumber).HasColumnName("last_number");
        }
    }
}
