using Npgsql;

namespace Platform.Benchmarks.Measures;

/// <summary>PostgreSQL's counters so far.</summary>
/// <param name="Commits">Commits in the platform's database.</param>
/// <param name="Statements">Statements in the platform's database without begin and commit; null when they are not counted.</param>
/// <param name="WalBytes">WAL bytes of the whole server.</param>
internal sealed record PostgresCounters(long Commits, long? Statements, long WalBytes)
{
    // A backend flushes its statistics at most once a second and when it ends.
    private static readonly TimeSpan Delay = TimeSpan.FromSeconds(1.2);

    /// <param name="server">A connection to another database, so that the read itself is not counted.</param>
    public static async Task<PostgresCounters> ReadAsync(
        NpgsqlDataSource server, string database, bool countsStatements, CancellationToken cancellationToken)
    {
        await Task.Delay(Delay, cancellationToken);
        var statements = countsStatements
            ? "(select coalesce(sum(calls), 0)::bigint from pg_stat_statements where dbid = datid)"
            : "null::bigint";
        await using var command = server.CreateCommand(
            $"select xact_commit, {statements}, (select wal_bytes::bigint from pg_stat_wal) from pg_stat_database where datname = $1");
        command.Parameters.AddWithValue(database);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        await row.ReadAsync(cancellationToken);
        return new PostgresCounters(row.GetInt64(0), row.IsDBNull(1) ? null : row.GetInt64(1), row.GetInt64(2));
    }

    /// <summary>The difference to an earlier reading.</summary>
    public PostgresCounters Since(PostgresCounters earlier) =>
        new(Commits - earlier.Commits, Statements - earlier.Statements, WalBytes - earlier.WalBytes);
}
