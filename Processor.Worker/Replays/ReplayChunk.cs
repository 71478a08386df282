using Npgsql;
using Processor.Worker.Jobs;
using Processor.Worker.Outbox;
using Processor.Worker.Persistence;

namespace Processor.Worker.Replays;

/// <summary>The next events of a replay, and what they caused when they were first committed.</summary>
internal sealed record ReplayChunk(IReadOnlyList<ReplayedEvent> Events, IReadOnlyList<JobTransition> Transitions)
{
    /// <summary>Reads the events after the replay's position, in the order received, and the history of their jobs.</summary>
    public static async Task<ReplayChunk> ReadAsync(Replay replay, int limit, NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var conditions = new Conditions();
        replay.Filter.AddTo(conditions);
        if (replay is { PositionAt: { } at, PositionId: { } id })
        {
            conditions.Add($"(received_at, event_id) > ({conditions.Parameter(at)}, {conditions.Parameter(id)})");
        }

        await using var command = conditions.CreateCommand(
            connection, $"{ReplayedEvent.Select} {conditions.Where} order by received_at, event_id limit {limit}");
        var events = await ReplayedEvent.ReadAllAsync(command, cancellationToken);
        await using var select = ReplayedEvent.SelectByJob([.. events.Select(one => one.JobId).Distinct()], connection);
        var history = await ReplayedEvent.ReadAllAsync(select, cancellationToken);
        var chosen = events.Select(one => one.EventId).ToHashSet();
        return new ReplayChunk(events, [.. history.GroupBy(one => one.JobId).SelectMany(TransitionsOf).Where(one => chosen.Contains(one.EventId))]);
    }

    /// <summary>
    /// The transitions of a job as its commits caused them: in the order of the commits and, within a commit, whose events share its time,
    /// in the order received. An event that arrived too late to change its job caused none, and causes none now.
    /// </summary>
    private static IEnumerable<JobTransition> TransitionsOf(IGrouping<string, ReplayedEvent> job)
    {
        var known = new List<JobFact>();
        foreach (var commit in job.Where(one => one.Fact is not null).GroupBy(one => one.ProcessedAt).OrderBy(commit => commit.Key))
        {
            foreach (var transition in JobTransition.Between(job.Key, [.. known], commit.Select(one => (one.EventId, one.Fact!))))
            {
                yield return transition;
            }

            known.AddRange(commit.Select(one => one.Fact!));
        }
    }

    public IReadOnlyList<OutboxMessage> ToOutbox(Replay replay, DateTimeOffset now)
    {
        var traces = Events.ToDictionary(one => one.EventId, one => one.TraceId);
        return
        [
            .. Transitions.Select(transition => OutboxMessage.Announce(
                transition, ProcessorTraces.ParentOf(traces[transition.EventId]), now, replay.NewIds ? Guid.CreateVersion7(now) : null)),
        ];
    }
}

/// <summary>The parts of a stored event that a replay needs.</summary>
internal sealed record ReplayedEvent(Guid EventId, string JobId, DateTimeOffset ReceivedAt, DateTimeOffset ProcessedAt, JobFact? Fact, string? TraceId)
{
    public const string Select = "select event_id, job_id, received_at, processed_at, fact, trace_id from webhook_events";

    /// <summary>The history of jobs, without those that are erased: their events no longer cause anything.</summary>
    public static NpgsqlCommand SelectByJob(IReadOnlyList<string> jobIds, NpgsqlConnection connection) => new(
        $"{Select} where job_id = any($1) and {ErasedJob.IsNot("webhook_events.job_id")}", connection)
    {
        Parameters = { Column.Text(jobIds, jobId => jobId) },
    };

    /// <exception cref="NewerVersionException">A newer version wrote a row.</exception>
    public static async Task<List<ReplayedEvent>> ReadAllAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var events = new List<ReplayedEvent>();
        while (await row.ReadAsync(cancellationToken))
        {
            events.Add(new ReplayedEvent(
                row.GetGuid(0),
                row.GetString(1),
                row.GetFieldValue<DateTimeOffset>(2),
                row.GetFieldValue<DateTimeOffset>(3),
                row.IsDBNull(4) ? null : JobFact.FromJson(row.GetFieldValue<byte[]>(4)),
                row.TextOrNull(5)));
        }

        return events;
    }
}
