using Npgsql;
using Processor.Worker.Persistence;

namespace Processor.Worker.Backlog;

/// <summary>The backlog of the archive.</summary>
/// <param name="NearestExpiry">Time until the next download that is not archived expires; null when all are.</param>
/// <param name="Erasures">Files of erased jobs that are still to be deleted.</param>
internal sealed record ArchiveBacklog(TimeSpan? NearestExpiry, long Erasures)
{
    private const string Select =
        """
        select (select min(download_expires_at) from jobs
                where download_expires_at > $1 and isfinite(download_expires_at)
                    and (not exists (select from archived_downloads where job_id = magic_hour_id)
                        or exists (select from archived_downloads where job_id = magic_hour_id and state <> 'stored'))),
               (select count(*) from archived_downloads where state = 'erasing')
        """;

    public static async Task<ArchiveBacklog> ReadAsync(NpgsqlDataSource database, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(Select);
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = now.UtcDateTime });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        await row.ReadAsync(cancellationToken);
        return new ArchiveBacklog(row.TimeOrNull(0) - now, row.GetInt64(1));
    }
}
