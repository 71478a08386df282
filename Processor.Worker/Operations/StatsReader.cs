using System.Globalization;
using Microsoft.AspNetCore.Http.HttpResults;
using Npgsql;
using Processor.Worker.Accounting;
using Processor.Worker.Backlog;

namespace Processor.Worker.Operations;

/// <summary><c>/ops/stats</c>: rates, latency and backlogs from the database, for an overview without Prometheus.</summary>
internal sealed class StatsReader(OperationsDatabase database, BacklogGauges gauges, TimeProvider time)
{
    /// <summary>Events that are measured at most: the newest of the window. More would take longer than an overview may: 20,000 take 45 ms.</summary>
    public const int MaxMeasured = 5_000;

    private const int Minutes = 60;

    private static readonly TimeSpan DefaultWindow = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan MinWindow = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan MaxWindow = TimeSpan.FromDays(1);

    // A clock that is ahead gives no negative latency.
    private const string SelectEvents =
        """
        with measured as materialized (
            select received_at, event_type, late, origin,
                   greatest(extract(epoch from processed_at - received_at), 0)::double precision as seconds
            from webhook_events where received_at >= $1 order by received_at desc limit $2)
        select event_type, count(*), count(*) filter (where late), count(*) filter (where origin = 'reconcile'),
               (select count(*) from measured), (select min(received_at) from measured),
               (select percentile_cont(0.5) within group (order by seconds) from measured),
               (select percentile_cont(0.99) within group (order by seconds) from measured)
        from measured group by event_type order by count(*) desc, event_type
        """;

    // What each had answered by the end of the window, without what it had before. Reports may claim anything, and are no reason to hide others.
    private const string SelectAnswers =
        """
        select sum(greatest(last.accepted - coalesce(before.accepted::numeric, 0), 0)), sum(greatest(last.late - coalesce(before.late::numeric, 0), 0)),
               sum(greatest(last.quarantined - coalesce(before.quarantined::numeric, 0), 0)), sum(greatest(last.refused - coalesce(before.refused::numeric, 0), 0)),
               sum(greatest(last.unavailable - coalesce(before.unavailable::numeric, 0), 0))
        from (select distinct source from ingress_answers where minute >= date_trunc('minute', $1, 'UTC')) as ingress
        cross join lateral (select * from ingress_answers as row where row.source = ingress.source order by minute desc limit 1) as last
        left join lateral (
            select * from ingress_answers as row
            where row.source = ingress.source and minute < date_trunc('minute', $1, 'UTC') order by minute desc limit 1) as before on true
        """;

    // By the reports of the ingresses: a row each ten seconds instead of one for each event.
    private static readonly string SelectAccepted =
        $"""
        select floor(extract(epoch from $2 - ended_at) / 60)::integer, sum({MissingPublishes.Count("confirmed")})::bigint
        from publish_periods where ended_at >= $1
        group by 1
        """;

    public async Task<Results<Ok<Stats>, ValidationProblem>> ShowAsync(string? window, CancellationToken cancellationToken)
    {
        if (!TryReadWindow(window, out var length))
        {
            return TypedResults.ValidationProblem(new Dictionary<string, string[]> { ["window"] = ["must be 1m to 24h, such as 5m or 2h."] });
        }

        var now = time.GetUtcNow();
        var rows = await database.ReadAsync(
            connection => new NpgsqlCommand(SelectEvents, connection) { Parameters = { Time(now - length), new NpgsqlParameter<int> { TypedValue = MaxMeasured } } },
            EventRow.Read,
            cancellationToken);
        var answers = await database.ReadAsync(
            connection => new NpgsqlCommand(SelectAnswers, connection) { Parameters = { Time(now - length) } }, AnswerStats.Read, cancellationToken);
        return TypedResults.Ok(new Stats(now, answers.Single(), EventStats.From(rows, now, length), await ReadBacklogAsync(cancellationToken)));
    }

    public Task<BacklogStats> ReadBacklogAsync(CancellationToken cancellationToken) =>
        database.ReadAsync(source => BacklogStats.ReadAsync(source, gauges.Broker, time.GetUtcNow(), cancellationToken));

    /// <summary>What the ingresses accepted in each minute of the last hour, the oldest first, by the times of their reports.</summary>
    public async Task<IReadOnlyList<long>> ReadAcceptedAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var rows = await database.ReadAsync(
            connection => new NpgsqlCommand(SelectAccepted, connection) { Parameters = { Time(now - TimeSpan.FromMinutes(Minutes)), Time(now) } },
            row => (Age: row.GetInt32(0), Count: row.GetInt64(1)),
            cancellationToken);
        var counts = new long[Minutes];
        foreach (var (age, count) in rows)
        {
            // The clock of an ingress may be ahead.
            counts[Minutes - 1 - Math.Clamp(age, 0, Minutes - 1)] += count;
        }

        return counts;
    }

    private static bool TryReadWindow(string? text, out TimeSpan window)
    {
        window = DefaultWindow;
        if (text is null)
        {
            return true;
        }

        if (text.Length is < 2 or > 5 || !int.TryParse(text.AsSpan()[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            return false;
        }

        window = text[^1] switch
        {
            'm' => TimeSpan.FromMinutes(number),
            'h' => TimeSpan.FromHours(number),
            _ => TimeSpan.Zero,
        };
        return window >= MinWindow && window <= MaxWindow;
    }

    private static NpgsqlParameter<DateTime> Time(DateTimeOffset at) => new() { TypedValue = at.UtcDateTime };
}

/// <summary>One row of the measured events: a type.</summary>
internal sealed record EventRow(
    string Type, long Count, long Late, long Reconciled, long Measured, DateTimeOffset First, double MedianSeconds, double P99Seconds)
{
    public static EventRow Read(NpgsqlDataReader row) => new(
        row.GetString(0), row.GetInt64(1), row.GetInt64(2), row.GetInt64(3), row.GetInt64(4), row.GetFieldValue<DateTimeOffset>(5), row.GetDouble(6), row.GetDouble(7));
}

/// <summary>The state of the platform, as its database and its broker know it.</summary>
internal sealed record Stats(DateTimeOffset At, AnswerStats Answers, EventStats Events, BacklogStats Backlog);

/// <summary>What the ingresses answered in the window asked for, rounded up to a minute, by their reports.</summary>
/// <param name="Accepted">2xx: queued.</param>
/// <param name="Late">2xx: queued, but signed long before.</param>
/// <param name="Quarantined">200 or 400: signed, but not a usable event.</param>
/// <param name="Refused">4xx: no valid signature, too long, of another content type, or too many failures.</param>
/// <param name="Unavailable">503: the sender retries.</param>
internal sealed record AnswerStats(long Accepted, long Late, long Quarantined, long Refused, long Unavailable)
{
    public static AnswerStats Read(NpgsqlDataReader row) => new(Count(row, 0), Count(row, 1), Count(row, 2), Count(row, 3), Count(row, 4));

    // No row makes the sums null.
    private static long Count(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? 0 : (long)Math.Min(row.GetDecimal(column), long.MaxValue);
}

/// <summary>The events of a window.</summary>
/// <param name="WindowSeconds">The time that the figures are about: shorter than asked for when there are more events than are measured.</param>
/// <param name="Applied">Events committed, without duplicates.</param>
/// <param name="AcceptToCommitP50Seconds">From the receipt at the ingress to the commit; null without events.</param>
internal sealed record EventStats(
    double WindowSeconds,
    long Applied,
    double AppliedPerSecond,
    long Late,
    long Reconciled,
    double? AcceptToCommitP50Seconds,
    double? AcceptToCommitP99Seconds,
    IReadOnlyDictionary<string, long> ByType)
{
    public static EventStats From(IReadOnlyList<EventRow> rows, DateTimeOffset now, TimeSpan window)
    {
        if (rows is not [var first, ..])
        {
            return new EventStats(window.TotalSeconds, 0, 0, 0, 0, null, null, new Dictionary<string, long>());
        }

        var seconds = first.Measured < StatsReader.MaxMeasured ? window.TotalSeconds : Math.Max((now - first.First).TotalSeconds, 0.001);
        return new EventStats(
            Math.Round(seconds, 3),
            first.Measured,
            Math.Round(first.Measured / seconds, 3),
            rows.Sum(row => row.Late),
            rows.Sum(row => row.Reconciled),
            Math.Round(first.MedianSeconds, 6),
            Math.Round(first.P99Seconds, 6),
            rows.ToDictionary(row => row.Type, row => row.Count));
    }
}

/// <summary>What waits. An age is null when nothing waits; counts at the broker are up to 15 seconds old, and null while it does not answer.</summary>
/// <param name="EventsQueued">At the broker: no worker has fetched them yet.</param>
/// <param name="EventsInError">At the broker: a consumer failed with them.</param>
/// <param name="DeadLetters">At the broker: events that were delivered too often.</param>
/// <param name="RegistrationsParked">At the broker.</param>
/// <param name="Quarantined">Without those that are discarded.</param>
/// <param name="OldestNotificationSeconds">How long the oldest due notification has been due.</param>
/// <param name="ChecksDue">Jobs whose check at Magic Hour is due.</param>
/// <param name="JobsUnaccounted">Jobs given up without an end.</param>
internal sealed record BacklogStats(
    long? EventsQueued,
    long? EventsInError,
    long? DeadLetters,
    long? RegistrationsParked,
    long Outbox,
    double? OldestOutboxSeconds,
    long Quarantined,
    long Notifications,
    double? OldestNotificationSeconds,
    long NotificationsParked,
    long ChecksDue,
    long JobsUnaccounted)
{
    /// <summary>The backlog as the metrics have it.</summary>
    public static async Task<BacklogStats> ReadAsync(NpgsqlDataSource database, BrokerBacklog? broker, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var rows = await DatabaseBacklog.ReadAsync(database, now, cancellationToken);
        var channels = await NotificationBacklog.ReadAllAsync(database, now, cancellationToken);
        var checks = await CheckBacklog.ReadAsync(database, now, cancellationToken);
        return new BacklogStats(
            broker?.Queued,
            broker?.Error,
            broker?.Dead,
            broker?.Registrations,
            rows.OutboxMessages,
            Seconds(rows.OutboxAge),
            rows.QuarantinedEvents,
            channels.Sum(channel => channel.Waiting),
            Seconds(channels.Max(channel => channel.OldestDueAge)),
            channels.Sum(channel => channel.Parked),
            checks.Overdue,
            checks.Unaccounted);
    }

    private static double? Seconds(TimeSpan age) => age == TimeSpan.Zero ? null : Math.Round(age.TotalSeconds, 3);
}
