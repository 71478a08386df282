using Npgsql;
using Processor.Worker.Persistence;

namespace Processor.Worker.Operations;

/// <summary>
/// Reads for the lists of the operations API, through a small pool of its own: a slow search ends with a time-out and takes no connection from
/// the platform's work. Sessions are read-only; acts use the other data source.
/// </summary>
internal sealed class OperationsDatabase(NpgsqlDataSource database) : IAsyncDisposable
{
    /// <summary>The time limit of one statement.</summary>
    public static readonly TimeSpan StatementTimeout = TimeSpan.FromSeconds(5);

    private const int MaxConnections = 4;

    /// <summary>
    /// Limits, with settings in addition to those of every session. Sequential scans are allowed again, for tables that are small. A plan is made for
    /// each request: one for any type of event would look for a rare one among all events, in two seconds instead of two milliseconds for 10 million.
    /// </summary>
    public static PoolLimits Limits => new(
        MaxConnections,
        (int)StatementTimeout.TotalSeconds + 1,
        $"-c statement_timeout={StatementTimeout.TotalMilliseconds:0} -c default_transaction_read_only=on -c enable_seqscan=on "
        + "-c plan_cache_mode=force_custom_plan");

    public async Task<List<T>> ReadAsync<T>(Func<NpgsqlConnection, NpgsqlCommand> create, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var command = create(connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<T>();
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(read(reader));
        }

        return rows;
    }

    /// <summary>Reads with a query that another feature has.</summary>
    public Task<T> ReadAsync<T>(Func<NpgsqlDataSource, Task<T>> read) => read(database);

    public ValueTask DisposeAsync() => database.DisposeAsync();
}
