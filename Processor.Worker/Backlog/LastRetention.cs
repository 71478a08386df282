using Npgsql;

namespace Processor.Worker.Backlog;

/// <summary>The last run of retention that has succeeded, on any replica or by the verb.</summary>
/// <param name="Age">Since its start; before the first run, since retention was installed.</param>
internal sealed record LastRetention(TimeSpan Age)
{
    // The row of a whole run, "all", is written last.
    private const string Select = "select max(started_at) from retention_runs where table_name = 'all' and error is null";

    public static async Task<LastRetention> ReadAsync(NpgsqlDataSource database, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(Select);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        await row.ReadAsync(cancellationToken);
        return new LastRetention(DatabaseBacklog.Age(row, 0, now));
    }
}
