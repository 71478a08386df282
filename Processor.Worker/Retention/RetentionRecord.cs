using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Npgsql;

namespace Processor.Worker.Retention;

/// <summary>What a run has dropped of one table: a row of <c>retention_runs</c>.</summary>
internal sealed record RetentionRecord
{
    /// <summary>The name of the row with the sums of a run. It is written last: without it, the run was killed.</summary>
    public const string AllTables = "all";

    public required Guid RunId { get; init; }

    /// <summary>The table, or <see cref="AllTables"/>.</summary>
    public required string TableName { get; init; }

    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>With pauses. That of <c>inbox_state</c> is part of those of the tables with which its rows go.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>The number of rows.</summary>
    public required long Dropped { get; init; }

    /// <summary>Null when nothing failed. What had been dropped before counts.</summary>
    public string? Error { get; init; }

    public async Task InsertAsync(RetentionSession session, CancellationToken cancellationToken)
    {
        await using var command = session.CreateCommand(
            "insert into retention_runs (run_id, table_name, started_at, duration, dropped, error) values ($1, $2, $3, $4, $5, $6)",
            new NpgsqlParameter<Guid> { TypedValue = RunId },
            new NpgsqlParameter<string> { TypedValue = TableName },
            new NpgsqlParameter<DateTime> { TypedValue = StartedAt.UtcDateTime },
            new NpgsqlParameter<TimeSpan> { TypedValue = Duration },
            new NpgsqlParameter<long> { TypedValue = Dropped },
            new NpgsqlParameter<string?> { TypedValue = Error });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Whether a run that started then or later has succeeded.</summary>
    public static async Task<bool> HasSucceededSinceAsync(RetentionSession session, DateTimeOffset time, CancellationToken cancellationToken)
    {
        await using var command = session.CreateCommand(
            "select exists (select from retention_runs where table_name = 'all' and error is null and started_at >= $1)",
            new NpgsqlParameter<DateTime> { TypedValue = time.UtcDateTime });
        return (bool)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    internal sealed class Mapping : IEntityTypeConfiguration<RetentionRecord>
    {
        public void Configure(EntityTypeBuilder<RetentionRecord> builder)
        {
            builder.ToTable("retention_runs");
            builder.HasKey(row => new { row.RunId, row.TableName }).HasName("retention_runs_pkey");
            builder.HasIndex(row => row.StartedAt, "retention_runs_started_at");
            builder.HasIndex(row => row.StartedAt, "retention_runs_succeeded").HasFilter("table_name = 'all' and error is null");
            builder.Property(row => row.RunId).HasColumnName("run_id");
            builder.Property(row => row.TableName).HasColumnName("table_name");
            builder.Property(row => row.StartedAt).HasColumnName("started_at");
            builder.Property(row => row.Duration).HasColumnName("duration");
            builder.Property(row => row.Dropped).HasColumnName("dropped");
            builder.Property(row => row.Error).HasColumnName("error");
        }
    }
}
