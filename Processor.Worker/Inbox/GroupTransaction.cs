using Npgsql;
using Processor.Worker.Events;
using Processor.Worker.Jobs;
using Processor.Worker.Notifications;
using Processor.Worker.Outbox;

namespace Processor.Worker.Inbox;

/// <summary>
/// Commits a group of units in one transaction and two round trips: claim and read, then write. A handful of commands, however
/// many units.
/// </summary>
internal sealed class GroupTransaction(NpgsqlDataSource database, OutboxSignal outbox, TimeProvider time)
{
    /// <summary>All units or none.</summary>
    /// <param name="group">No two units with the same message id.</param>
    /// <returns>The outcomes, in the order of the units.</returns>
    /// <exception cref="NpgsqlException">Nothing is stored, or, when the connection was lost while committing, it is unknown.</exception>
    public async Task<IReadOnlyList<CommitOutcome>> CommitAsync(IReadOnlyList<UnitOfWork> group, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);

        var (claimed, known) = await ClaimAsync(connection, group, now, cancellationToken);
        var plan = new GroupPlan(group, claimed, known, now);
        await WriteAsync(connection, plan, [.. group.Where(unit => unit.IsSuspect).Select(unit => unit.MessageId)], cancellationToken);

        // Never cancelled: while a standby is awaited, a cancelled commit would report success for what a fail-over then takes back.
        await transaction.CommitAsync(CancellationToken.None);

        if (plan.Outbox.Count > 0)
        {
            outbox.Wake();
        }

        return plan.Outcomes;
    }

    private static async Task<(HashSet<Guid> Claimed, List<KnownEvent> Known)> ClaimAsync(
        NpgsqlConnection connection, IReadOnlyList<UnitOfWork> group, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var jobIds = group.Select(unit => unit.Event?.JobId).OfType<string>().Distinct().ToArray();
        var claims = group
            .Select(unit => new InboxState { MessageId = unit.MessageId, ConsumerId = unit.ConsumerId, ConsumedAt = now })
            .OrderBy(claim => claim.MessageId).ThenBy(claim => claim.ConsumerId)
            .ToArray();

        // In this order: what is read after the locks is all that was ever committed of these jobs.
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands = { JobLock.Acquire(jobIds), InboxState.Claim(claims), KnownEvent.SelectByJob(jobIds) },
        };
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.NextResultAsync(cancellationToken);

        var claimed = new HashSet<Guid>();
        while (await reader.ReadAsync(cancellationToken))
        {
            claimed.Add(reader.GetGuid(0));
        }

        await reader.NextResultAsync(cancellationToken);
        var known = new List<KnownEvent>();
        while (await reader.ReadAsync(cancellationToken))
        {
            known.Add(KnownEvent.Read(reader));
        }

        return (claimed, known);
    }

    private static async Task WriteAsync(
        NpgsqlConnection connection, GroupPlan plan, List<Guid> cleared, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection);
        Add(plan.Events, WebhookEvent.Insert);
        Add(plan.Bodies, WebhookBody.Insert);
        Add(plan.Amendments, Amendment.Update);
        Add(plan.Jobs, Job.Upsert);
        Add(plan.Outbox, OutboxMessage.Insert);
        Add(plan.Notifications, Notification.Decide);
        Add(plan.Quarantined, QuarantinedEvent.Insert);
        Add(cleared, DeliveryAttempt.Forget);
        if (batch.BatchCommands.Count > 0)
        {
            await batch.ExecuteNonQueryAsync(cancellationToken);
        }

        void Add<T>(List<T> rows, Func<IReadOnlyList<T>, NpgsqlBatchCommand> command)
        {
            if (rows.Count > 0)
            {
                batch.BatchCommands.Add(command(rows));
            }
        }
    }
}
