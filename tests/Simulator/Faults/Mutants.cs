using Platform.LocalStack;

namespace Platform.Simulator.Faults;

/// <summary>A patch that breaks the promise. A harness that does not notice it proves nothing.</summary>
/// <param name="File">From the root of the tree.</param>
/// <param name="Find">Stands in the file exactly once; otherwise the patch has to be written anew.</param>
/// <param name="Check">What must notice it.</param>
internal sealed record Mutant(string Name, string File, string Find, string Replace, Check Check)
{
    /// <summary>The file as the mutant has it.</summary>
    /// <exception cref="SetupException">The patch does not fit.</exception>
    public string Apply(string original) => original.Split(Find).Length == 2
        ? original.Replace(Find, Replace, StringComparison.Ordinal)
        : throw new SetupException($"The mutant '{Name}' no longer fits {File}: what it replaces stands there not once.");
}

/// <summary>A run that fails on a mutant, and passes on the tree as it is.</summary>
/// <param name="Project">A test project, or null for faults.</param>
/// <param name="Filter">Names of tests, or the ids of faults.</param>
internal sealed record Check(string? Project, params string[] Filter)
{
    public static Check Faults(params string[] ids) => new(null, ids);

    public static Check Tests(string project, params string[] names) => new(project, names);

    public override string ToString() => Project is null ? $"fault {string.Join(", ", Filter)}" : $"{Project}: {string.Join(", ", Filter)}";
}

internal static class MutantList
{
    /// <summary>Those whose name has one of the given parts; all without any.</summary>
    /// <exception cref="SetupException">There is none.</exception>
    public static IReadOnlyList<Mutant> Find(IReadOnlyCollection<string> parts) =>
        All.Where(mutant => parts.Count == 0 || parts.Any(part => mutant.Name.Contains(part, StringComparison.OrdinalIgnoreCase))).ToArray() is { Length: > 0 } found
            ? found
            : throw new SetupException($"There is no such mutant. There are: {string.Join(", ", All.Select(mutant => mutant.Name))}.");

    public static IReadOnlyList<Mutant> All { get; } =
    [
        new(
            "publish without Mandatory", "Ingress.Api/Publishing/ConfirmedChannel.cs", "mandatory: true, properties", "mandatory: false, properties",
            Check.Tests("Platform.IntegrationTests", "A_confirm_does_not_mean_queued_so_only_what_a_queue_took_is_answered_200")),
        new(
            "answer before the confirm", "Ingress.Api/Publishing/EventPublisher.cs",
            "var answer = await WaitForAnswerAsync(publish);", "var answer = PublishAnswer.Confirmed; _ = WaitForAnswerAsync(publish);",
            Check.Faults("P02.1")),
        new(
            "ack before the commit", "Processor.Worker/Inbox/InboxContextFactory.cs",
            "ProcessorTraces.Committed(activity, unit, await committer.CommitAsync(unit));",
            "_ = committer.CommitAsync(unit);",
            Check.Faults("P01.1")),
        new(
            "inbox without its unique key", "Processor.Worker/Persistence/Migrations/20261123110308_Initial.cs",
            "table.PrimaryKey(\"inbox_state_pkey\", x => new { x.message_id, x.consumer_id });", "",
            Check.Faults("T04")),
        new(
            "identity from the body hash", "Ingress.Api/Webhooks/WebhookEndpoint.cs",
            "EventId = EventIdentity.Of(received.Content!.EventType, received.Content.JobId),",
            "EventId = EventIdentity.OfBody(Convert.ToHexStringLower(SHA256.HashData(body.Body.Span))),",
            Check.Faults("T04")),
        new(
            "one poison fails its group", "Processor.Worker/Inbox/GroupCommitter.cs",
            "await CommitGroupAsync([unit], stoppingToken);", "unit.Fail(exception);",
            Check.Tests("Processor.Worker.Tests", "A_poison_message_fails_alone")),
        new(
            "transient counted as permanent", "Processor.Worker/Persistence/DatabaseFault.cs",
            "PostgresException postgres => !IsAboutTheRows(postgres.SqlState),", "PostgresException => false,",
            Check.Faults("D05")),
        new(
            "delivery limit left at the broker's default", "Contracts/Topology.cs", "[\"x-delivery-limit\"] = DeliveryLimit,", "",
            Check.Tests("Contracts.Tests", "A_queue_loses_nothing")),
        new(
            "outbox published before the commit", "Processor.Worker/Inbox/GroupTransaction.cs",
            "        var plan = new GroupPlan(group, claimed, known, now);",
            """
                    var plan = new GroupPlan(group, claimed, known, now);
                    await using var early = await database.OpenConnectionAsync(cancellationToken);
                    await using var insert = new NpgsqlBatch(early) { BatchCommands = { OutboxMessage.Insert(plan.Outbox) } };
                    await insert.ExecuteNonQueryAsync(cancellationToken);
            """,
            Check.Tests("Processor.Worker.Tests", "All_units_are_stored_or_none")),
        new(
            "outbox not swept", "Processor.Worker/Outbox/OutboxDispatcher.cs",
            "await signal.WaitAsync(options.Value.SweepInterval, stoppingToken);", "await signal.WaitAsync(Timeout.InfiniteTimeSpan, stoppingToken);",
            Check.Faults("D11.2")),
        new(
            "state machine by arrival order", "Processor.Worker/Jobs/Job.cs",
            ".OrderByDescending(fact => fact.Status).ThenBy(fact => fact.ReceivedAt)", ".OrderByDescending(fact => fact.ReceivedAt).ThenBy(fact => fact.Status)",
            Check.Faults("T02")),
        new(
            "late events refused", "Ingress.Api/Webhooks/Signature.cs",
            "_ => options.LatePolicy is LatePolicy.Accept ? Verification.Late : Verification.RefusedAsLate,", "_ => Verification.Stale,",
            Check.Faults("N04")),
    ];
}
