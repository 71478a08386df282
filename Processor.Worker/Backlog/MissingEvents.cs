using Npgsql;
using Processor.Worker.Accounting;

namespace Processor.Worker.Backlog;

/// <summary>Accepted events that are lost, of the reports of the last day: older ones are known.</summary>
/// <param name="Missing">Never arrived.</param>
/// <param name="Deleted">Were applied, and their rows deleted since.</param>
internal sealed record MissingEvents(long Missing, long Deleted)
{
    private static readonly TimeSpan Window = TimeSpan.FromDays(1);

    private static readonly string Select =
        $"""
        select coalesce(sum({MissingPublishes.Count(MissingPublishes.Outstanding)}) filter (where noted_at < $1), 0)::bigint,
               coalesce(sum({MissingPublishes.Count(MissingPublishes.Deleted)}), 0)::bigint
        from publish_periods
        where not is_complete and noted_at > $2
        """;

    public static async Task<MissingEvents> ReadAsync(
        NpgsqlDataSource database, DateTimeOffset now, TimeSpan patience, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(Select);
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = (now - patience).UtcDateTime });
        // Events that become missing after their patience are shown for a day as well.
        command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = (now - patience - Window).UtcDateTime });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        await row.ReadAsync(cancellationToken);
        return new MissingEvents(row.GetInt64(0), row.GetInt64(1));
    }
}
