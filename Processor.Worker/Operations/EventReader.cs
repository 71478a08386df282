using Npgsql;
using Platform.Contracts;
using Processor.Worker.Events;
using Processor.Worker.Persistence;

namespace Processor.Worker.Operations;

/// <summary>Reads stored events for the operations API.</summary>
internal sealed class EventReader(OperationsDatabase database)
{
    // Clocks of ingress replicas differ, and the first delivery to be processed may have been received after another.
    private static readonly TimeSpan BodiesBefore = TimeSpan.FromDays(2);

    /// <summary>Newest first, by the index <c>webhook_events_received_at</c>, or by the one of the filter.</summary>
    public async Task<Page<EventItem>> ListAsync(EventFilter filter, Cursor? after, int limit, CancellationToken cancellationToken)
    {
        var rows = await database.ReadAsync(
            connection => SelectPage(connection, filter, after, limit),
            row => EventItem.Read(row, 0),
            cancellationToken);
        return Page<EventItem>.From(rows, limit, row => new Cursor(row.ReceivedAt, $"{row.EventId}"));
    }

    /// <returns>Null when there is no such event.</returns>
    public async Task<FoundEvent?> FindAsync(Guid eventId, CancellationToken cancellationToken)
    {
        var found = await database.ReadAsync(connection => SelectEvent(connection, eventId), FoundEvent.Read, cancellationToken);
        if (found is not [var one])
        {
            return null;
        }

        var stored = await database.ReadAsync(
            connection => SelectBodies(connection, one), row => (row.GetInt16(0), row.GetFieldValue<DateTimeOffset>(1), row.GetFieldValue<byte[]>(2)), cancellationToken);
        return one with
        {
            Bodies = [.. one.Hashes.Select((hash, variant) => StoredBody.From(variant, hash, stored))],
            Confirm = await FindConfirmAsync(one.DeliveryId, cancellationToken),
        };
    }

    internal static NpgsqlCommand SelectPage(NpgsqlConnection connection, EventFilter filter, Cursor? after, int limit)
    {
        var conditions = new Conditions();
        filter.AddTo(conditions);
        if (after is not null)
        {
            conditions.Add($"(received_at, event_id) < ({conditions.Parameter(after.At)}, {conditions.Parameter(Guid.Parse(after.Key))})");
        }

        return conditions.CreateCommand(
            connection,
            $"""
            select event_id, event_type, job_id, received_at, processed_at, late, origin, trace_id, cardinality(variants)
            from webhook_events {conditions.Where}
            order by received_at desc, event_id desc limit {limit + 1}
            """);
    }

    private async Task<ConfirmDetails?> FindConfirmAsync(Guid deliveryId, CancellationToken cancellationToken) =>
        PublishNumber.FromDeliveryId(deliveryId) is { } number
            && await database.ReadAsync(connection => SelectConfirm(connection, number), ConfirmDetails.Read, cancellationToken) is [var confirm]
            ? confirm
            : null;

    private static NpgsqlCommand SelectEvent(NpgsqlConnection connection, Guid eventId) => new(
        """
        select event_id, event_type, job_id, sent_at, received_at, processed_at, late, origin, delivery_id, secret_name, trace_id,
               body_sha256 || variants
        from webhook_events where event_id = $1
        """,
        connection)
    {
        Parameters = { new NpgsqlParameter<Guid> { TypedValue = eventId } },
    };

    private static NpgsqlCommand SelectConfirm(NpgsqlConnection connection, PublishNumber number) => new(
        """
        select confirmed @> $2, instance, ended_at
        from (select * from publish_periods where source = $1 and first_number <= $2 order by first_number desc limit 1) as period
        where last_number >= $2
        """,
        connection)
    {
        Parameters = { new NpgsqlParameter<long> { TypedValue = number.Source }, new NpgsqlParameter<long> { TypedValue = number.Number } },
    };

    // The time lets PostgreSQL skip the partitions of earlier days.
    private static NpgsqlCommand SelectBodies(NpgsqlConnection connection, FoundEvent found) => new(
        "select variant, received_at, body from webhook_bodies where event_id = $1 and received_at >= $2 order by variant", connection)
    {
        Parameters =
        {
            new NpgsqlParameter<Guid> { TypedValue = found.EventId },
            new NpgsqlParameter<DateTime> { TypedValue = (found.ReceivedAt - BodiesBefore).UtcDateTime },
        },
    };
}

/// <summary>An event and its bodies as stored, before anything is redacted.</summary>
internal sealed record FoundEvent(
    Guid EventId,
    string Type,
    string JobId,
    DateTimeOffset SentAt,
    DateTimeOffset ReceivedAt,
    DateTimeOffset ProcessedAt,
    bool Late,
    string Origin,
    Guid DeliveryId,
    string SecretName,
    string? TraceId,
    IReadOnlyList<byte[]> Hashes)
{
    public IReadOnlyList<StoredBody> Bodies { get; init; } = [];

    public ConfirmDetails? Confirm { get; init; }

    public static FoundEvent Read(NpgsqlDataReader row) => new(
        row.GetGuid(0),
        row.GetString(1),
        row.GetString(2),
        row.GetFieldValue<DateTimeOffset>(3),
        row.GetFieldValue<DateTimeOffset>(4),
        row.GetFieldValue<DateTimeOffset>(5),
        row.GetBoolean(6),
        row.GetString(7),
        row.GetGuid(8),
        row.GetString(9),
        row.TextOrNull(10),
        row.GetFieldValue<byte[][]>(11));

    public EventDetails ToDetails(bool raw, JaegerOptions jaeger) => new(
        EventId, Type, JobId, SentAt, ReceivedAt, ProcessedAt, Late, Origin, DeliveryId, Confirm, SecretName, TraceId, jaeger.LinkTo(TraceId),
        [.. Bodies.Select(body => body.ToDetails(raw))]);
}

/// <summary>A body of an event; without content when retention has dropped it.</summary>
internal sealed record StoredBody(int Variant, byte[] Sha256, DateTimeOffset? ReceivedAt, byte[]? Content)
{
    public static StoredBody From(int variant, byte[] sha256, IReadOnlyList<(short Variant, DateTimeOffset ReceivedAt, byte[] Content)> stored)
    {
        foreach (var body in stored)
        {
            if (body.Variant == variant)
            {
                return new StoredBody(variant, sha256, body.ReceivedAt, body.Content);
            }
        }

        return new StoredBody(variant, sha256, null, null);
    }

    public BodyDetails ToDetails(bool raw) =>
        new(Variant, Convert.ToHexStringLower(Sha256), ReceivedAt, Content is null ? null : Redaction.Json(Content), raw ? Content : null);
}
