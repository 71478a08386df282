using Npgsql;
using Platform.Contracts;
using Processor.Worker.Persistence;

namespace Processor.Worker.Retention;

/// <summary>
/// Signed bodies that no one has released, with their identities. A body that arrives again afterwards is quarantined again; it never took
/// effect.
/// </summary>
internal sealed class ExpiredQuarantine(TimeSpan window) : IRetentionRule
{
    private const int ChunkSize = 100;

    public string Table => "quarantined_events";

    public TimeSpan Window => window;

    public Task<long> CountAsync(RetentionSession session, DateTimeOffset before, CancellationToken cancellationToken) =>
        session.CountAsync("select count(*) from quarantined_events where received_at < $1", before, cancellationToken);

    public IAsyncEnumerable<DroppedRows> DropAsync(RetentionSession session, DateTimeOffset before, CancellationToken cancellationToken) =>
        session.RepeatAsync(ChunkSize, most => DropChunkAsync(session, before, most, cancellationToken), cancellationToken);

    private async Task<Chunk> DropChunkAsync(RetentionSession session, DateTimeOffset before, int most, CancellationToken cancellationToken)
    {
        var bodies = await FindAsync(session, before, most, cancellationToken);
        await using var command = session.CreateCommand(
            "select bodies, identities from drop_expired_quarantine($1, $2, $3)",
            Column.Bytes(bodies, body => body),
            Column.Uuid(bodies, body => EventIdentity.FromBody(Convert.ToHexStringLower(body))),
            RetentionRules.Before(before));
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        await row.ReadAsync(cancellationToken);
        // Those that are being released are skipped, and are left to the next run.
        return new Chunk(
            [new(Table, row.GetInt64(0)), new(RetentionRules.Identities, row.GetInt64(1))], IsLast: bodies.Count < most || row.GetInt64(0) == 0);
    }

    private static async Task<List<byte[]>> FindAsync(RetentionSession session, DateTimeOffset before, int most, CancellationToken cancellationToken)
    {
        await using var command = session.CreateCommand(
            "select body_sha256 from quarantined_events where received_at < $1 order by received_at limit $2",
            RetentionRules.Before(before), new NpgsqlParameter<int> { TypedValue = most });
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        var bodies = new List<byte[]>();
        while (await rows.ReadAsync(cancellationToken))
        {
            bodies.Add(rows.GetFieldValue<byte[]>(0));
        }

        return bodies;
    }
}
