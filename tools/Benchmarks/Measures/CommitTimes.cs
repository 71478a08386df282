using Npgsql;
using Platform.Benchmarks.Figures;

namespace Platform.Benchmarks.Measures;

/// <summary>Commit times of rows by the database's clock (<c>track_commit_timestamp</c>), independent of polling.</summary>
internal static class CommitTimes
{
    /// <summary>One step for each transaction that wrote rows of a table.</summary>
    /// <param name="count">SQL expression for the count of one row.</param>
    public static async Task<IReadOnlyList<Step>> ReadAsync(
        NpgsqlDataSource database, string table, CancellationToken cancellationToken, string count = "1")
    {
        await using var command = database.CreateCommand(
            $"select pg_xact_commit_timestamp(xmin), sum({count})::bigint from {table} group by xmin");
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var steps = new List<Step>();
        while (await row.ReadAsync(cancellationToken))
        {
            steps.Add(new Step(row.GetDateTime(0).ToUniversalTime(), row.GetInt64(1)));
        }

        return steps;
    }

    /// <summary>Time from receipt to commit, in milliseconds, of each event received since the given time.</summary>
    public static async Task<Percentiles> ReadDelaysAsync(EventTable events, DateTime from, CancellationToken cancellationToken)
    {
        await using var command = events.Database.CreateCommand(
            $"""
            select 1000 * extract(epoch from pg_xact_commit_timestamp(xmin) - received_at)::float8
            from {events.Name} where received_at >= $1
            """);
        command.Parameters.AddWithValue(from);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var delays = new List<double>();
        while (await row.ReadAsync(cancellationToken))
        {
            delays.Add(row.GetDouble(0));
        }

        return new Percentiles(delays);
    }

    public static async Task<long> CountAsync(EventTable events, CancellationToken cancellationToken)
    {
        await using var command = events.Database.CreateCommand($"select count(*) from {events.Name}");
        return (long)(await command.ExecuteScalarAsync(cancellationToken))!;
    }
}

/// <summary>A contestant's table of events: a row for each, with the column <c>received_at</c>.</summary>
internal readonly record struct EventTable(NpgsqlDataSource Database, string Name);
