using Npgsql;

namespace Platform.Simulator.Truth;

/// <summary>What the tables say; only columns with a stable contract, but for the plan of checks.</summary>
/// <param name="Jobs">The status of each job.</param>
/// <param name="Events">Stored events, by job and type.</param>
/// <param name="Found">Events that the reconciler has published before any webhook reported them, and when.</param>
/// <param name="Pending">Checks that have not been made, jobs whose check may not be planned yet, and notifications that have not been sent.</param>
internal sealed record TruthEvidence(
    IReadOnlyDictionary<string, string> Jobs,
    IReadOnlySet<(string JobId, string Type)> Events,
    IReadOnlyList<(string JobId, DateTimeOffset At)> Found,
    long Pending)
{
    private const string CountPending =
        """
        select (select count(*) from notifications where status in ('pending', 'sending'))
            + (select count(*) from job_checks where state = 'waiting' and attempts = 0)
            + (select count(*) from jobs where status = 'failed' and updated_at > now() - interval '5 seconds')
        """;

    public static async Task<TruthEvidence> ReadAsync(NpgsqlDataSource database, CancellationToken cancellationToken)
    {
        var jobs = await ListAsync(database, "select magic_hour_id, status from jobs", row => (row.GetString(0), row.GetString(1)), cancellationToken);
        var events = await ListAsync(
            database, "select job_id, event_type from webhook_events", row => (JobId: row.GetString(0), Type: row.GetString(1)), cancellationToken);
        var found = await ListAsync(
            database, "select job_id, received_at from webhook_events where origin = 'reconcile'",
            row => (row.GetString(0), row.GetFieldValue<DateTimeOffset>(1)), cancellationToken);
        var pending = await ListAsync(database, CountPending, row => row.GetInt64(0), cancellationToken);
        return new TruthEvidence(jobs.ToDictionary(one => one.Item1, one => one.Item2), events.ToHashSet(), found, pending[0]);
    }

    private static async Task<List<T>> ListAsync<T>(
        NpgsqlDataSource database, string sql, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(sql);
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        var list = new List<T>();
        while (await rows.ReadAsync(cancellationToken))
        {
            list.Add(read(rows));
        }

        return list;
    }
}
