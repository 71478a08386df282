using System.Globalization;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Npgsql;
using NpgsqlTypes;
using Platform.Contracts;
using Processor.Worker.Persistence;

namespace Processor.Worker.Accounting;

/// <summary>
/// Numbers of one source that have arrived: a row for each source of a group commit, until the <see cref="Ledger"/> adds them to their periods. Rows are
/// only inserted, never updated, so that groups do not wait for each other.
/// </summary>
internal sealed class ReceivedNumbers
{
    public long Id { get; private init; }

    public required long Source { get; init; }

    /// <summary>One of <see cref="Receptions"/>.</summary>
    public required string Reception { get; init; }

    public required NpgsqlRange<long>[] Numbers { get; init; }

    public required DateTimeOffset NotedAt { get; init; }

    public static NpgsqlBatchCommand Insert(IReadOnlyList<Arrival> arrivals, DateTimeOffset now)
    {
        var groups = arrivals
            .GroupBy(arrival => (arrival.Number.Source, arrival.Reception))
            .Select(group => (group.Key.Source, group.Key.Reception, Numbers: ToMultirange(group.Select(arrival => arrival.Number.Number))))
            .ToArray();
        return new NpgsqlBatchCommand(
            """
            insert into received_numbers (source, reception, numbers, noted_at)
            select source, reception, numbers::int8multirange, $4 from unnest($1, $2, $3) as arrived (source, reception, numbers)
            """)
        {
            Parameters =
            {
                Column.Bigint(groups, group => group.Source),
                Column.Text(groups, group => group.Reception),
                Column.Text(groups, group => group.Numbers),
                new NpgsqlParameter<DateTime> { TypedValue = now.UtcDateTime },
            },
        };
    }

    /// <summary>The literal of an <c>int8multirange</c>.</summary>
    public static string ToMultirange(IEnumerable<long> numbers) => ToMultirange(NumberRange.FromAscending(numbers.Order()));

    /// <inheritdoc cref="ToMultirange(IEnumerable{long})"/>
    public static string ToMultirange(IEnumerable<NumberRange> ranges)
    {
        var text = new StringBuilder("{");
        foreach (var range in ranges)
        {
            text.Append(text.Length > 1 ? "," : "").Append(CultureInfo.InvariantCulture, $"[{range.First},{range.Last}]");
        }

        return text.Append('}').ToString();
    }

    internal sealed class Mapping : IEntityTypeConfiguration<ReceivedNumbers>
    {
        public void Configure(EntityTypeBuilder<ReceivedNumbers> builder)
        {
            builder.ToTable("received_numbers");
            builder.HasKey(row => row.Id).HasName("received_numbers_pkey");
            builder.Property(row => row.Id).HasColumnName("id").UseIdentityAlwaysColumn();
            builder.Property(row => row.Source).HasColumnName("source");
            builder.Property(row => row.Reception).HasColumnName("reception");
            builder.Property(row => row.Numbers).HasColumnName("numbers").HasColumnType("int8multirange");
            builder.Property(row => row.NotedAt).HasColumnName("noted_at");
        }
    }
}

/// <summary>A numbered message that has arrived.</summary>
/// <param name="Reception">One of <see cref="Receptions"/>.</param>
internal readonly record struct Arrival(PublishNumber Number, string Reception);

/// <summary>What became of a message that has arrived.</summary>
internal static class Receptions
{
    /// <summary>Committed: as a new event, a duplicate, a variant, or of an erased job.</summary>
    public const string Applied = "applied";

    /// <summary>Stored as a signed body that is not a usable event, or known as one.</summary>
    public const string Quarantined = "quarantined";

    /// <summary>Parked, about to be parked, or postponed: a worker has had it, and did not commit it.</summary>
    public const string Parked = "parked";

    /// <summary>Committed, and its event's row was deleted since, other than by retention (trigger <c>webhook_events_deleted</c>).</summary>
    public const string Deleted = "deleted";
}
