using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Platform.Contracts;
using Processor.Worker.Accounting;
using Processor.Worker.Inbox;

namespace Processor.Worker.Tests;

/// <summary>The accounts of a database: reports of ingresses, and what arrives.</summary>
internal sealed class Accounts(TestDatabase database)
{
    public const long Source = 0x123456789abcdef;

    public static readonly DateTimeOffset Start = Deliveries.Noon;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static PublishNumber Number(long number, long source = Source) => new(source, number);

    public static UnitOfWork Event(long number, long source = Source) => Deliveries.Numbered(Number(number, source));

    public static UnitOfWork[] Batch(int first, int last) => [.. Enumerable.Range(first, last - first + 1).Select(number => Event(number))];

    public static UnitOfWork Quarantined(long number) =>
        Deliveries.Unit(Deliveries.NoEvent($$"""{"number":{{number}}}""") with { DeliveryId = Number(number).ToDeliveryId() });

    /// <summary>A report, ten seconds after <see cref="Start"/> for each earlier one.</summary>
    public async Task ReportAsync(long through, int seconds = 10, NumberRange[]? unconfirmed = null, long after = 0, long source = Source, DateTimeOffset? notedAt = null)
    {
        var report = new PublishesConfirmed
        {
            Source = source,
            Instance = $"ingress-{source & 0xf}",
            StartedAt = Start,
            ReportedAt = Start.AddSeconds(seconds),
            After = after,
            Through = through,
            Unconfirmed = unconfirmed ?? [],
        };
        await using var connection = await database.Source.OpenConnectionAsync(Cancel);
        await using var batch = PublishSource.Note(report, notedAt ?? Start.AddSeconds(seconds));
        batch.Connection = connection;
        await batch.ExecuteNonQueryAsync(Cancel);
    }

    /// <summary>What an ingress has answered since its start, by outcome.</summary>
    public async Task AnswerAsync(DateTimeOffset at, long[] counts, long source = Source, DateTimeOffset? now = null)
    {
        var answers = new AnswerCounts { Accepted = counts[0], Late = counts[1], Quarantined = counts[2], Refused = counts[3], Unavailable = counts[4] };
        await using var connection = await database.Source.OpenConnectionAsync(Cancel);
        await using var batch = new NpgsqlBatch(connection) { BatchCommands = { IngressAnswers.Note(source, answers, at, now ?? at) } };
        await batch.ExecuteNonQueryAsync(Cancel);
    }

    /// <summary>Adds what has arrived to its periods.</summary>
    public Task AddAsync() => new Ledger(database.Source, null!, TimeProvider.System, NullLogger<Ledger>.Instance).AddAsync(Cancel);

    public Task<string[]> PeriodsAsync() => database.QueryAsync(
        """
        select concat_ws(' ', to_hex(source), first_number || '-' || last_number, confirmed, applied, quarantined, parked, deleted, case when is_complete then 'complete' end)
        from publish_periods order by source, first_number
        """);
}
