using Npgsql;

namespace Processor.Worker.Backlog;

/// <summary>The backlog of the reconciler.</summary>
/// <param name="Overdue">Due checks, including those of jobs that have ended since, which are deleted when due.</param>
/// <param name="OldestAge">How long the oldest of them has been due; zero when there is none.</param>
/// <param name="Unaccounted">Jobs given up without an end.</param>
internal sealed record CheckBacklog(long Overdue, TimeSpan OldestAge, long Unaccounted)
{
    private const string Select =
        """
        select (select count(*) from job_checks where state = 'waiting' and next_check_at <= $1),
               (select min(next_check_at) from job_checks where state = 'waiting'),
               (select count(*) from job_checks where state <> 'waiting')
        """;

    public static async Task<CheckBacklog> ReadAsync(NpgsqlDataSource database, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(Select);
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = now.UtcDateTime });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        await row.ReadAsync(cancellationToken);
        return new CheckBacklog(row.GetInt64(0), DatabaseBacklog.Age(row, 1, now), row.GetInt64(2));
    }
}
