using Npgsql;
using Processor.Worker.Migrate;

namespace Processor.Worker.Accounting;

/// <summary>
/// Adds the numbers that have arrived to the periods in which they were published, every few seconds. One replica does it at a time. Numbers beyond
/// the last report of their source wait for the next one.
/// </summary>
internal sealed partial class Ledger(NpgsqlDataSource database, MigrationGate gate, TimeProvider time, ILogger<Ledger> logger) : BackgroundService
{
    // Short, because each group commit of this time leaves a row.
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan FailurePause = TimeSpan.FromSeconds(15);

    // One writer: two could move the same numbers, or deadlock.
    private const string TryLock = "select pg_try_advisory_xact_lock(hashtext('processor-worker accounting'))";

    // Merged first: each worker receives an arbitrary share of a source's numbers.
    // A row keeps its numbers beyond the last report, which a killed ingress never reports. Numbers in no period are dropped: no report is
    // about them.
    private const string Add =
        """
        with taken as (
            delete from received_numbers as arrived using publish_sources as source
            where arrived.source = source.source and lower(arrived.numbers) <= source.last_number
            returning arrived.source, reception, numbers, arrived.noted_at, int8multirange(int8range(null, source.last_number, '(]')) as reported
        ), rest as (
            insert into received_numbers (source, reception, numbers, noted_at)
            select source, reception, numbers - reported, noted_at from taken where not numbers <@ reported
        ), united as (
            select source, reception, range_agg(piece) as numbers from taken cross join lateral unnest(numbers) as piece group by source, reception
        ), pieces as (
            select source, reception, unnest(numbers) as numbers from united
        ), added as (
            select period.source, period.first_number,
                range_agg(piece.numbers) filter (where reception = 'applied') as applied,
                range_agg(piece.numbers) filter (where reception = 'quarantined') as quarantined,
                range_agg(piece.numbers) filter (where reception = 'parked') as parked,
                range_agg(piece.numbers) filter (where reception = 'deleted') as deleted
            from pieces
            join publish_periods as period
                on period.source = pieces.source and period.first_number < upper(pieces.numbers) and period.last_number >= lower(pieces.numbers)
                and period.first_number >= coalesce((
                    select max(first_number) from publish_periods as first
                    where first.source = pieces.source and first.first_number <= lower(pieces.numbers)), 0)
            cross join lateral (select pieces.numbers * int8range(period.first_number, period.last_number, '[]') as numbers) as piece
            group by period.source, period.first_number
        )
        update publish_periods as period
        set applied = period.applied + coalesce(added.applied, '{}'), quarantined = period.quarantined + coalesce(added.quarantined, '{}'),
            parked = period.parked + coalesce(added.parked, '{}'), deleted = period.deleted + coalesce(added.deleted, '{}')
        from added
        where period.source = added.source and period.first_number = added.first_number
        """;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await gate.WaitForSchemaAsync(stoppingToken);
        while (true)
        {
            await Task.Delay(await TryAddAsync(stoppingToken) ? Interval : FailurePause, time, stoppingToken);
        }
    }

    /// <summary>Does nothing while another process does it.</summary>
    internal async Task AddAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var taking = new NpgsqlCommand(TryLock, connection);
        if (await taking.ExecuteScalarAsync(cancellationToken) is true)
        {
            await using var adding = new NpgsqlCommand(Add, connection);
            await adding.ExecuteNonQueryAsync(cancellationToken);
            await transaction.CommitAsync(CancellationToken.None);
        }
    }

    private async Task<bool> TryAddAsync(CancellationToken stoppingToken)
    {
        try
        {
            await AddAsync(stoppingToken);
            return true;
        }
        catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
        {
            LogFailed(logger, exception, FailurePause);
            return false;
        }
    }

    [LoggerMessage(LogLevel.Warning, "Received numbers could not be added to their periods; retrying in {Pause}")]
    private static partial void LogFailed(ILogger logger, Exception exception, TimeSpan pause);
}
