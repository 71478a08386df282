using Npgsql;

namespace Processor.Worker.Retention;

/// <summary>Rows that expire one by one, found by an index on their time and dropped oldest first.</summary>
/// <param name="drop">The function that drops rows older than its first argument, at most as many as its second, and returns their number.</param>
/// <param name="count">Counts rows older than <c>$1</c>.</param>
internal sealed class ExpiredRows(string table, TimeSpan window, string drop, string count) : IRetentionRule
{
    // A few milliseconds.
    private const int ChunkSize = 500;

    public string Table => table;

    public TimeSpan Window => window;

    public Task<long> CountAsync(RetentionSession session, DateTimeOffset before, CancellationToken cancellationToken) =>
        session.CountAsync(count, before, cancellationToken);

    public IAsyncEnumerable<DroppedRows> DropAsync(RetentionSession session, DateTimeOffset before, CancellationToken cancellationToken) =>
        session.RepeatAsync(ChunkSize, most => DropChunkAsync(session, before, most, cancellationToken), cancellationToken);

    private async Task<Chunk> DropChunkAsync(RetentionSession session, DateTimeOffset before, int most, CancellationToken cancellationToken)
    {
        await using var command = session.CreateCommand(
            $"select {drop}($1, $2)", RetentionRules.Before(before), new NpgsqlParameter<int> { TypedValue = most });
        var rows = (long)(await command.ExecuteScalarAsync(cancellationToken))!;
        return new Chunk([new(table, rows)], IsLast: rows < most);
    }
}
