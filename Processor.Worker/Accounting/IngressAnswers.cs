using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Npgsql;
using Platform.Contracts;

namespace Processor.Worker.Accounting;

/// <summary>What one life of one ingress had answered by the end of a minute, since its start. Minutes without a change have no row.</summary>
internal sealed class IngressAnswers
{
    public required long Source { get; init; }

    /// <summary>Its beginning.</summary>
    public required DateTimeOffset Minute { get; init; }

    public required long Accepted { get; init; }

    public required long Late { get; init; }

    public required long Quarantined { get; init; }

    public required long Refused { get; init; }

    public required long Unavailable { get; init; }

    /// <summary>Keeps the higher counts, so that a report that is consumed late or twice changes nothing.</summary>
    /// <param name="reportedAt">By the clock of the ingress, which may be ahead.</param>
    public static NpgsqlBatchCommand Note(long source, AnswerCounts answers, DateTimeOffset reportedAt, DateTimeOffset now) => new(
        """
        insert into ingress_answers as known (source, minute, accepted, late, quarantined, refused, unavailable)
        select $1, date_trunc('minute', $2, 'UTC'), $3, $4, $5, $6, $7
        where ($3, $4, $5, $6, $7) is distinct from (
            select (accepted, late, quarantined, refused, unavailable) from ingress_answers where source = $1 order by minute desc limit 1)
        on conflict (source, minute) do update set
            accepted = greatest(known.accepted, excluded.accepted),
            late = greatest(known.late, excluded.late),
            quarantined = greatest(known.quarantined, excluded.quarantined),
            refused = greatest(known.refused, excluded.refused),
            unavailable = greatest(known.unavailable, excluded.unavailable)
        """)
    {
        Parameters =
        {
            Number(source), new NpgsqlParameter<DateTime> { TypedValue = (reportedAt < now ? reportedAt : now).UtcDateTime },
            Number(answers.Accepted), Number(answers.Late), Number(answers.Quarantined), Number(answers.Refused), Number(answers.Unavailable),
        },
    };

    private static NpgsqlParameter<long> Number(long number) => new() { TypedValue = number };

    internal sealed class Mapping : IEntityTypeConfiguration<IngressAnswers>
    {
        public void Configure(EntityTypeBuilder<IngressAnswers> builder)
        {
            builder.ToTable("ingress_answers");
            builder.HasKey(row => new { row.Source, row.Minute }).HasName("ingress_answers_pkey");
            builder.HasIndex(row => row.Minute).HasDatabaseName("ingress_answers_minute");
            builder.Property(row => row.Source).HasColumnName("source");
            builder.Property(row => row.Minute).HasColumnName("minute");
            builder.Property(row => row.Accepted).HasColumnName("accepted");
            builder.Property(row => row.Late).HasColumnName("late");
            builder.Property(row => row.Quarantined).HasColumnName("quarantined");
            builder.Property(row => row.Refused).HasColumnName("refused");
            builder.Property(row => row.Unavailable).HasColumnName("unavailable");
        }
    }
}
