using Npgsql;
using Processor.Worker.Jobs;
using Processor.Worker.Persistence;

namespace Processor.Worker.Events;

/// <summary>The committed state of an event, as needed by later deliveries of the event or its job.</summary>
/// <param name="TraceId">The trace of the first processed delivery.</param>
internal sealed record KnownEvent(Guid EventId, string JobId, JobFact? Fact, IReadOnlyList<byte[]> Bodies, string? TraceId)
{
    /// <summary>Length of the stored fact, in bytes of UTF-8.</summary>
    public int FactLength { get; init; }

    public static NpgsqlBatchCommand SelectByJob(IReadOnlyList<string> jobIds) => new(
        "select event_id, job_id, fact, body_sha256 || variants, trace_id from webhook_events where job_id = any($1)")
    {
        Parameters = { Column.Text(jobIds, jobId => jobId) },
    };

    /// <exception cref="NewerVersionException">A newer version wrote the row.</exception>
    public static KnownEvent Read(NpgsqlDataReader row)
    {
        var fact = row.IsDBNull(2) ? null : row.GetFieldValue<byte[]>(2);
        return new KnownEvent(
            row.GetGuid(0),
            ReadJobId(row),
            fact is null ? null : JobFact.FromJson(fact),
            row.GetFieldValue<byte[][]>(3),
            row.TextOrNull(4))
        {
            FactLength = fact?.Length ?? 0,
        };
    }

    /// <summary>The job, even of a row that is otherwise unreadable.</summary>
    public static string ReadJobId(NpgsqlDataReader row) => row.GetString(1);

    /// <summary>The additions of a further delivery; null when it is a plain duplicate.</summary>
    public Amendment? Amend(JobFact? fact, byte[] bodySha256)
    {
        var merged = Fact is null || fact is null ? Fact : Fact.Merge(fact);
        var isVariant = Bodies.Count < WebhookEvent.MaxBodies && !Bodies.Any(known => known.AsSpan().SequenceEqual(bodySha256));
        return isVariant || HasGrown(merged)
            ? new Amendment(this, merged, isVariant ? bodySha256 : null)
            : null;
    }

    private bool HasGrown(JobFact? merged) => merged is not null && !merged.ToJson().AsSpan().SequenceEqual(Fact?.ToJson());
}

/// <summary>The additions of a further delivery to a known event.</summary>
/// <param name="Fact">The updated fact.</param>
/// <param name="Variant">SHA-256 of a new body; null when only the fact has grown.</param>
internal sealed record Amendment(KnownEvent Event, JobFact? Fact, byte[]? Variant)
{
    public static NpgsqlBatchCommand Update(IReadOnlyList<Amendment> rows) => new(
        """
        update webhook_events
        set fact = amended.fact,
            variants = case when amended.variant is null then variants else variants || amended.variant end
        from unnest($1, $2, $3) as amended (event_id, fact, variant)
        where webhook_events.event_id = amended.event_id
        """)
    {
        Parameters =
        {
            Column.Uuid(rows, row => row.Event.EventId),
            Column.Json(rows, row => row.Fact?.ToJson()),
            Column.NullableBytes(rows, row => row.Variant),
        },
    };
}
