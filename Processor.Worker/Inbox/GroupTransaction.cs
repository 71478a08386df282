using Npgsql;
using Processor.Worker.Accounting;
using Processor.Worker.Events;
using Processor.Worker.Jobs;
using Processor.Worker.Notifications;
using Processor.Worker.Outbox;
using Processor.Worker.Persistence;

namespace Processor.Worker.Inbox;

/// <summary>
/// Commits a group of units in one transaction and two round trips: claim and read, then write. The number of commands does not depend on
/// the number of units.
/// </summary>
internal sealed class GroupTransaction(NpgsqlDataSource database, OutboxSignal outbox, TimeProvider time)
{
    /// <summary>
    /// Limit on the characters read about the jobs of one group; real groups reach a tenth of it. They are in memory twice, as text and
    /// parsed.
    /// </summary>
    public const int MostKnown = 8 * 1024 * 1024;

    /// <summary>Commits all units or none.</summary>
    /// <param name="group">No two units with the same message id.</param>
    /// <returns>What was committed.</returns>
    /// <exception cref="LargeGroupException">
    /// The stored facts of the jobs exceed <see cref="MostKnown"/>: nothing is stored. Each unit fits alone.
    /// </exception>
    /// <exception cref="UnreadableJobsException">Nothing is stored: a newer version wrote the state of some jobs.</exception>
    /// <exception cref="NpgsqlException">
    /// Nothing is stored; if the connection was lost during the commit, the outcome is unknown.
    /// </exception>
    public async Task<GroupPlan> CommitAsync(IReadOnlyList<UnitOfWork> group, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);

        var (claimed, erased, known) = await ClaimAsync(connection, group, now, cancellationToken);
        var plan = new GroupPlan(group, claimed, erased, known, now);
        await WriteAsync(connection, plan, now, [.. group.Where(unit => unit.IsSuspect).Select(unit => unit.MessageId)], cancellationToken);

        // Never cancelled: while the primary waits for a standby, a cancelled commit would report success for data that a failover then
        // loses.
        await transaction.CommitAsync(CancellationToken.None);

        if (plan.Outbox.Count > 0)
        {
            outbox.Wake();
        }

        return plan;
    }

    private static async Task<(HashSet<Guid> Claimed, HashSet<string> Erased, List<KnownEvent> Known)> ClaimAsync(
        NpgsqlConnection connection, IReadOnlyList<UnitOfWork> group, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var jobIds = JobIds(group);

        // The order matters: a read after the locks sees everything committed for these jobs.
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                JobLock.Acquire(jobIds), InboxState.Claim(Claims(group, now)), ErasedJob.SelectAmong(jobIds), KnownEvent.SelectByJob(jobIds),
            },
        };
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        var claimed = await ReadSetAsync<Guid>(reader, cancellationToken);
        var erased = await ReadSetAsync<string>(reader, cancellationToken);
        await reader.NextResultAsync(cancellationToken);
        return (claimed, erased, await ReadKnownAsync(reader, group, cancellationToken));
    }

    /// <summary>The only column of the next result.</summary>
    private static async Task<HashSet<T>> ReadSetAsync<T>(NpgsqlDataReader reader, CancellationToken cancellationToken)
    {
        await reader.NextResultAsync(cancellationToken);
        var values = new HashSet<T>();
        while (await reader.ReadAsync(cancellationToken))
        {
            values.Add(reader.GetFieldValue<T>(0));
        }

        return values;
    }

    private static List<string> JobIds(IReadOnlyList<UnitOfWork> group)
    {
        var distinct = new HashSet<string>();
        var jobIds = new List<string>();
        foreach (var unit in group)
        {
            if (unit.Event is { JobId: var jobId } && distinct.Add(jobId))
            {
                jobIds.Add(jobId);
            }
        }

        return jobIds;
    }

    private static InboxState[] Claims(IReadOnlyList<UnitOfWork> group, DateTimeOffset now)
    {
        var claims = new InboxState[group.Count];
        for (var i = 0; i < claims.Length; i++)
        {
            claims[i] = new InboxState { MessageId = group[i].MessageId, ConsumerId = group[i].ConsumerId, ConsumedAt = now };
        }

        Array.Sort(claims, (one, other) => (one.MessageId, one.ConsumerId).CompareTo((other.MessageId, other.ConsumerId)));
        return claims;
    }

    // Reads all rows before it fails, so that a group fails only once, however many of its jobs are unreadable.
    private static async Task<List<KnownEvent>> ReadKnownAsync(
        NpgsqlDataReader reader, IReadOnlyList<UnitOfWork> group, CancellationToken cancellationToken)
    {
        var known = new List<KnownEvent>();
        var unreadable = new Dictionary<string, NewerVersionException>();
        for (var characters = 0; await reader.ReadAsync(cancellationToken);)
        {
            try
            {
                known.Add(KnownEvent.Read(reader));
                characters += known[^1].FactLength;
            }
            catch (NewerVersionException exception)
            {
                unreadable[KnownEvent.ReadJobId(reader)] = exception;
            }

            if (characters > MostKnown && group.Count > 1)
            {
                throw new LargeGroupException();
            }
        }

        return unreadable.Count == 0 ? known : throw new UnreadableJobsException(unreadable);
    }

    private static async Task WriteAsync(
        NpgsqlConnection connection, GroupPlan plan, DateTimeOffset now, List<Guid> cleared, CancellationToken cancellationToken)
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
        Add(plan.Arrivals, arrivals => ReceivedNumbers.Insert(arrivals, now));
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

/// <summary>A group needs too much memory in one transaction; its units are committed one by one.</summary>
internal sealed class LargeGroupException() : Exception($"The jobs of one group have over {GroupTransaction.MostKnown} stored characters.");

/// <summary>A newer version of the worker wrote the state of some jobs of a group.</summary>
/// <param name="jobs">The unreadable content, by job.</param>
internal sealed class UnreadableJobsException(IReadOnlyDictionary<string, NewerVersionException> jobs) : Exception(jobs.Values.First().Message)
{
    /// <summary>Null when the job of the unit is readable.</summary>
    public NewerVersionException? Find(UnitOfWork unit) => unit.Event is { } received ? jobs.GetValueOrDefault(received.JobId) : null;
}
