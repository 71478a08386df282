using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using NpgsqlTypes;

namespace Processor.Worker.Accounting;

/// <summary>
/// What one source published between two of its reports, and what became of it. The periods of a source cover its numbers without gaps.
/// </summary>
internal sealed class PublishPeriod
{
    public required long Source { get; init; }

    public required long FirstNumber { get; init; }

    public required long LastNumber { get; init; }

    /// <summary>The name of the machine or pod.</summary>
    public required string Instance { get; init; }

    /// <summary>The time of the previous report, or of the start, by the clock of the ingress.</summary>
    public required DateTimeOffset BeganAt { get; init; }

    /// <summary>The time of the report, by the clock of the ingress.</summary>
    public required DateTimeOffset EndedAt { get; init; }

    /// <summary>When a worker read the report: after all its events were delivered, since they wait in the same queue.</summary>
    public required DateTimeOffset NotedAt { get; init; }

    /// <summary>The numbers that were answered 2xx.</summary>
    public required NpgsqlRange<long>[] Confirmed { get; init; }

    /// <summary>One set for each of <see cref="Receptions"/>; they may overlap.</summary>
    public NpgsqlRange<long>[] Applied { get; init; } = [];

    /// <inheritdoc cref="Applied"/>
    public NpgsqlRange<long>[] Quarantined { get; init; } = [];

    /// <inheritdoc cref="Applied"/>
    public NpgsqlRange<long>[] Parked { get; init; } = [];

    /// <inheritdoc cref="Applied"/>
    public NpgsqlRange<long>[] Deleted { get; init; } = [];

    /// <summary>Everything confirmed has arrived, and nothing was deleted. Computed by the database.</summary>
    public bool IsComplete { get; private init; }

    internal sealed class Mapping : IEntityTypeConfiguration<PublishPeriod>
    {
        public void Configure(EntityTypeBuilder<PublishPeriod> builder)
        {
            builder.ToTable("publish_periods");
            builder.HasKey(row => new { row.Source, row.FirstNumber }).HasName("publish_periods_pkey");
            builder.HasIndex(row => row.EndedAt).HasDatabaseName("publish_periods_ended_at");
            // Few: those of the last seconds, and those with losses.
            builder.HasIndex(row => row.NotedAt).HasDatabaseName("publish_periods_incomplete").HasFilter("not is_complete");
            builder.Property(row => row.Source).HasColumnName("source");
            builder.Property(row => row.FirstNumber).HasColumnName("first_number");
            builder.Property(row => row.LastNumber).HasColumnName("last_number");
            builder.Property(row => row.Instance).HasColumnName("instance");
            builder.Property(row => row.BeganAt).HasColumnName("began_at");
            builder.Property(row => row.EndedAt).HasColumnName("ended_at");
            builder.Property(row => row.NotedAt).HasColumnName("noted_at");
            builder.Property(row => row.Confirmed).HasColumnName("confirmed").HasColumnType("int8multirange");
            builder.Property(row => row.Applied).HasColumnName("applied").HasColumnType("int8multirange").HasDefaultValueSql("'{}'");
            builder.Property(row => row.Quarantined).HasColumnName("quarantined").HasColumnType("int8multirange").HasDefaultValueSql("'{}'");
            builder.Property(row => row.Parked).HasColumnName("parked").HasColumnType("int8multirange").HasDefaultValueSql("'{}'");
            builder.Property(row => row.Deleted).HasColumnName("deleted").HasColumnType("int8multirange").HasDefaultValueSql("'{}'");
            builder.Property(row => row.IsComplete).HasColumnName("is_complete")
                .HasComputedColumnSql("confirmed <@ (applied + quarantined + parked) and isempty(confirmed * deleted)", stored: true);
        }
    }
}
