using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Npgsql;
using NpgsqlTypes;
using Processor.Worker.Events;
using Processor.Worker.Persistence;

namespace Processor.Worker.Replays;

/// <summary>
/// A request to publish the domain events, or to send the notifications, of stored events again. The row has its progress, which is written in
/// the transaction of each chunk: a killed run continues where it was.
/// </summary>
internal sealed class Replay
{
    /// <summary>The members of a row, in the order of <see cref="Read"/>.</summary>
    public const string Columns =
        "id, created_at, created_by, reason, filter, events, notifications, new_ids, per_second, status, "
        + "position_at, position_id, total, examined, published, notified, finished_at, error, next_chunk_at";

    private static readonly JsonSerializerOptions FilterJson = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull,
    };

    public required Guid Id { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>The identity of the key.</summary>
    public required string CreatedBy { get; init; }

    public required string Reason { get; init; }

    /// <summary>Chooses the events. It always has an end, so that the replay has one.</summary>
    public required EventFilter Filter { get; init; }

    /// <summary>Publishes the domain events of the chosen events again.</summary>
    public required bool Events { get; init; }

    /// <summary>Sends delivered and parked notifications of the chosen events again.</summary>
    public required bool Notifications { get; init; }

    /// <summary>Domain events get new message ids, so that subscribers apply them again. By default they drop what they have.</summary>
    public required bool NewIds { get; init; }

    /// <summary>Events examined in a second, at most.</summary>
    public required int PerSecond { get; init; }

    public ReplayStatus Status { get; init; }

    /// <summary>The last event examined; null before the first.</summary>
    public DateTimeOffset? PositionAt { get; init; }

    /// <inheritdoc cref="PositionAt"/>
    public Guid? PositionId { get; init; }

    /// <summary>Events chosen, counted at the start. Null when counting took too long.</summary>
    public long? Total { get; init; }

    public long Examined { get; init; }

    /// <summary>Domain events published again.</summary>
    public long Published { get; init; }

    /// <summary>Notifications made due again.</summary>
    public long Notified { get; init; }

    /// <summary>No worker runs a chunk before, so that all of them together keep to the rate. Null before the first.</summary>
    public DateTimeOffset? NextChunkAt { get; init; }

    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>Why it failed.</summary>
    public string? Error { get; init; }

    public string FilterText => WriteFilter(Filter);

    public static string WriteFilter(EventFilter filter) => JsonSerializer.Serialize(filter, FilterJson);

    public static EventFilter ReadFilter(string json) =>
        JsonSerializer.Deserialize<EventFilter>(json, FilterJson) is { Unknown: null } filter ? filter : throw new NewerVersionException("a filter");

    public NpgsqlBatchCommand Insert() => new(
        """
        insert into replays (id, created_at, created_by, reason, filter, events, notifications, new_ids, per_second, status, total, examined, published, notified)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'running', $10, 0, 0, 0)
        """)
    {
        Parameters =
        {
            new NpgsqlParameter<Guid> { TypedValue = Id },
            new NpgsqlParameter<DateTime> { TypedValue = CreatedAt.UtcDateTime },
            new NpgsqlParameter<string> { TypedValue = CreatedBy },
            new NpgsqlParameter<string> { TypedValue = Reason },
            new NpgsqlParameter<string> { TypedValue = FilterText, NpgsqlDbType = NpgsqlDbType.Jsonb },
            new NpgsqlParameter<bool> { TypedValue = Events },
            new NpgsqlParameter<bool> { TypedValue = Notifications },
            new NpgsqlParameter<bool> { TypedValue = NewIds },
            new NpgsqlParameter<int> { TypedValue = PerSecond },
            new NpgsqlParameter<long?> { TypedValue = Total, NpgsqlDbType = NpgsqlDbType.Bigint },
        },
    };

    public static Replay Read(NpgsqlDataReader row) => new()
    {
        Id = row.GetGuid(0),
        CreatedAt = row.GetFieldValue<DateTimeOffset>(1),
        CreatedBy = row.GetString(2),
        Reason = row.GetString(3),
        Filter = ReadFilter(row.GetString(4)),
        Events = row.GetBoolean(5),
        Notifications = row.GetBoolean(6),
        NewIds = row.GetBoolean(7),
        PerSecond = row.GetInt32(8),
        Status = ReplayStatuses.Parse(row.GetString(9)),
        PositionAt = row.TimeOrNull(10),
        PositionId = row.IsDBNull(11) ? null : row.GetGuid(11),
        Total = row.IsDBNull(12) ? null : row.GetInt64(12),
        Examined = row.GetInt64(13),
        Published = row.GetInt64(14),
        Notified = row.GetInt64(15),
        FinishedAt = row.TimeOrNull(16),
        Error = row.TextOrNull(17),
        NextChunkAt = row.TimeOrNull(18),
    };

    internal sealed class Mapping : IEntityTypeConfiguration<Replay>
    {
        public void Configure(EntityTypeBuilder<Replay> builder)
        {
            builder.ToTable("replays", table => table.HasCheckConstraint("replays_status", "status in ('running', 'completed', 'stopped', 'failed')"));
            builder.HasKey(row => row.Id).HasName("replays_pkey");
            builder.Property(row => row.Id).HasColumnName("id");
            builder.Property(row => row.CreatedAt).HasColumnName("created_at");
            builder.Property(row => row.CreatedBy).HasColumnName("created_by");
            builder.Property(row => row.Reason).HasColumnName("reason");
            builder.Property(row => row.Filter).HasColumnName("filter").HasColumnType("jsonb")
                .HasConversion(filter => WriteFilter(filter), json => ReadFilter(json));
            builder.Property(row => row.Events).HasColumnName("events");
            builder.Property(row => row.Notifications).HasColumnName("notifications");
            builder.Property(row => row.NewIds).HasColumnName("new_ids");
            builder.Property(row => row.PerSecond).HasColumnName("per_second");
            builder.Property(row => row.Status).HasColumnName("status").HasConversion(status => status.Name(), text => ReplayStatuses.Parse(text));
            builder.Property(row => row.PositionAt).HasColumnName("position_at");
            builder.Property(row => row.PositionId).HasColumnName("position_id");
            builder.Property(row => row.Total).HasColumnName("total");
            builder.Property(row => row.Examined).HasColumnName("examined");
            builder.Property(row => row.Published).HasColumnName("published");
            builder.Property(row => row.Notified).HasColumnName("notified");
            builder.Property(row => row.NextChunkAt).HasColumnName("next_chunk_at");
            builder.Property(row => row.FinishedAt).HasColumnName("finished_at");
            builder.Property(row => row.Error).HasColumnName("error");
        }
    }
}

/// <summary>The state of a replay.</summary>
internal enum ReplayStatus
{
    Running,
    Completed,

    /// <summary>An operator stopped it.</summary>
    Stopped,

    /// <summary>It met an error that waiting does not fix; the row has it.</summary>
    Failed,
}

internal static class ReplayStatuses
{
    /// <summary>The name in the table and in answers.</summary>
    public static string Name(this ReplayStatus status) => status switch
    {
        ReplayStatus.Running => "running",
        ReplayStatus.Completed => "completed",
        ReplayStatus.Stopped => "stopped",
        ReplayStatus.Failed => "failed",
        _ => throw new ArgumentOutOfRangeException(nameof(status), status, null),
    };

    /// <summary>Parses the result of <see cref="Name"/>.</summary>
    /// <exception cref="NewerVersionException">A newer version wrote it.</exception>
    public static ReplayStatus Parse(string text) =>
        Enum.TryParse<ReplayStatus>(text, ignoreCase: true, out var status) ? status : throw new NewerVersionException("a replay's status");
}
