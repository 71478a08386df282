using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;
using Npgsql;
using Processor.Worker.Accounting;

namespace Processor.Worker.Operations;

/// <summary><c>/ops/accounting</c>: what ingresses accepted, what became of it, and which numbers are missing.</summary>
internal sealed class AccountingEndpoint(OperationsDatabase database, IOptions<AccountingOptions> options, TimeProvider time)
{
    /// <summary>Ranges of missing numbers that are listed at most, the oldest first.</summary>
    public const int MaxMissing = 1000;

    private static readonly TimeSpan DefaultWindow = TimeSpan.FromDays(1);
    private static readonly TimeSpan MaxWindow = TimeSpan.FromDays(7);

    // A period belongs to the time of its report, so that windows next to each other add up.
    private static readonly string SelectSums =
        $"""
        select source, min(instance), min(began_at), max(ended_at), {Sum("confirmed")}, {Sum("confirmed * (applied - deleted)")},
               {Sum("confirmed * (quarantined - applied)")}, {Sum("confirmed * (parked - applied - quarantined)")},
               {Sum(MissingPublishes.Outstanding)} filter (where noted_at >= $3), {Sum(MissingPublishes.Outstanding)} filter (where noted_at < $3),
               {Sum(MissingPublishes.Deleted)}
        from publish_periods
        where ended_at >= $1 and ended_at < $2
        group by source
        order by min(began_at), source
        """;

    private static readonly string SelectMissing =
        $"""
        select source, instance, cause, lower(numbers), upper(numbers) - 1, began_at, ended_at
        from publish_periods
        cross join lateral (
            select 'not_received' as cause, numbers from unnest({MissingPublishes.Outstanding}) as numbers where noted_at < $3
            union all select 'deleted', numbers from unnest({MissingPublishes.Deleted}) as numbers) as lost
        where not is_complete and ended_at >= $1 and ended_at < $2
        order by ended_at, source, lower(numbers)
        limit {MaxMissing}
        """;

    /// <summary>The filters, for the description of the API.</summary>
    public static IReadOnlyDictionary<string, string> Filters { get; } = new Dictionary<string, string>
    {
        ["from"] = "Reports made at this time or later: 2026-11-30T12:00:00Z. By default a day before to.",
        ["to"] = "Reports made before this time. By default now. At most seven days after from.",
    };

    public async Task<Results<Ok<AccountingReport>, ValidationProblem>> ShowAsync(IQueryCollection given, CancellationToken cancellationToken)
    {
        var query = new ListQuery(given);
        var now = time.GetUtcNow();
        // The clock of an ingress may be ahead.
        var to = query.Time("to") ?? now + TimeSpan.FromHours(1);
        var from = query.Time("from") ?? (to < now ? to : now) - DefaultWindow;
        var errors = query.FindErrors();
        if (errors.Count == 0 && (from >= to || to - from > MaxWindow + TimeSpan.FromHours(1)))
        {
            errors["from"] = [$"must be before to, by at most {MaxWindow.TotalDays:0} days."];
        }

        if (errors.Count > 0)
        {
            return TypedResults.ValidationProblem(errors);
        }

        DateTimeOffset[] times = [from, to, now - options.Value.Patience];
        var sources = await database.ReadAsync(connection => CreateCommand(SelectSums, connection, times), AccountedSource.Read, cancellationToken);
        var missing = await database.ReadAsync(connection => CreateCommand(SelectMissing, connection, times), MissingNumbers.Read, cancellationToken);
        return TypedResults.Ok(new AccountingReport(
            from, to, options.Value.Patience.TotalSeconds, AccountedSums.Total(sources.Select(source => source.Sums)), sources, missing));
    }

    private static string Sum(string set) => $"sum({MissingPublishes.Count(set)})";

    private static NpgsqlCommand CreateCommand(string sql, NpgsqlConnection connection, DateTimeOffset[] times)
    {
        var command = new NpgsqlCommand(sql, connection);
        foreach (var at in times)
        {
            command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = at.UtcDateTime });
        }

        return command;
    }
}

/// <summary>The accounts of a window.</summary>
/// <param name="PatienceSeconds">After this time without an arrival, an accepted event counts as missing.</param>
/// <param name="Missing">Of at most <see cref="AccountingEndpoint.MaxMissing"/> ranges, the oldest.</param>
internal sealed record AccountingReport(
    DateTimeOffset From,
    DateTimeOffset To,
    double PatienceSeconds,
    AccountedSums Sums,
    IReadOnlyList<AccountedSource> Sources,
    IReadOnlyList<MissingNumbers> Missing);

/// <summary>
/// Numbers of events: accepted = applied + quarantined + parked + inFlight + missing + deleted. Duplicates count, since each was accepted by itself.
/// </summary>
/// <param name="Accepted">Answered 2xx, as far as reported.</param>
/// <param name="Parked">A worker had it and could not commit it: it is in a queue of parked messages, was discarded from there, or waits for a newer worker.</param>
/// <param name="InFlight">Not arrived yet.</param>
/// <param name="Missing">Not arrived in time.</param>
/// <param name="Deleted">Applied, and the event's row deleted since, other than by retention.</param>
internal sealed record AccountedSums(long Accepted, long Applied, long Quarantined, long Parked, long InFlight, long Missing, long Deleted)
{
    public static AccountedSums Read(NpgsqlDataReader row, int first)
    {
        return new AccountedSums(Number(0), Number(1), Number(2), Number(3), Number(4), Number(5), Number(6));

        // Null for a sum of no rows.
        long Number(int i) => row.IsDBNull(first + i) ? 0 : (long)row.GetDecimal(first + i);
    }

    public static AccountedSums Total(IEnumerable<AccountedSums> sums) => sums.Aggregate(
        new AccountedSums(0, 0, 0, 0, 0, 0, 0),
        (total, one) => new AccountedSums(
            total.Accepted + one.Accepted, total.Applied + one.Applied, total.Quarantined + one.Quarantined, total.Parked + one.Parked,
            total.InFlight + one.InFlight, total.Missing + one.Missing, total.Deleted + one.Deleted));
}

/// <summary>One life of one ingress.</summary>
/// <param name="Source">15 hexadecimal digits.</param>
/// <param name="Instance">The machine or pod.</param>
/// <param name="From">The first of its publishes in the window were made after this time.</param>
/// <param name="To">The time of its last report with new publishes.</param>
internal sealed record AccountedSource(string Source, string Instance, DateTimeOffset From, DateTimeOffset To, AccountedSums Sums)
{
    public static AccountedSource Read(NpgsqlDataReader row) => new(
        $"{row.GetInt64(0):x15}", row.GetString(1), row.GetFieldValue<DateTimeOffset>(2), row.GetFieldValue<DateTimeOffset>(3), AccountedSums.Read(row, 4));
}

/// <summary>Consecutive numbers of one source that are missing.</summary>
/// <param name="Cause"><c>not_received</c> or <c>deleted</c>.</param>
/// <param name="PublishedAfter">By the clock of the ingress.</param>
internal sealed record MissingNumbers(
    string Source, string Instance, string Cause, long First, long Last, long Count, DateTimeOffset PublishedAfter, DateTimeOffset PublishedBefore)
{
    public static MissingNumbers Read(NpgsqlDataReader row) => new(
        $"{row.GetInt64(0):x15}", row.GetString(1), row.GetString(2), row.GetInt64(3), row.GetInt64(4), row.GetInt64(4) - row.GetInt64(3) + 1,
        row.GetFieldValue<DateTimeOffset>(5), row.GetFieldValue<DateTimeOffset>(6));
}
