using Npgsql;

namespace Processor.Worker.Audit;

/// <summary>
/// Records what operators do. An act on rows is recorded in its own transaction (<see cref="AuditDraft.Insert"/>); an act on the broker is recorded
/// before it starts, and completed afterwards.
/// </summary>
internal sealed class AuditTrail(NpgsqlDataSource database, TimeProvider time)
{
    /// <returns>The id of the entry.</returns>
    public async Task<long> RecordAsync(AuditDraft draft, CancellationToken cancellationToken)
    {
        await using var batch = database.CreateBatch();
        batch.BatchCommands.Add(draft.Insert(time.GetUtcNow()));
        return (long)(await batch.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>Completes an entry that was recorded as started.</summary>
    public async Task CompleteAsync(long id, AuditOutcome outcome, long count, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand("update audit_log set outcome = $2, count = $3 where id = $1");
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = id });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = outcome.Name() });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = count });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
