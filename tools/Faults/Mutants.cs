using Platform.DevStack;

namespace Platform.Faults;

/// <summary>A patch that breaks a guarantee of the platform. Its check must fail, otherwise the check proves nothing.</summary>
/// <param name="File">Path from the root of the checkout.</param>
/// <param name="Find">Must occur in the file exactly once; otherwise the patch no longer fits.</param>
/// <param name="Check">The check that must fail.</param>
internal sealed record Mutant(string Name, string File, string Find, string Replace, Check Check)
{
    /// <summary>The file with the patch applied.</summary>
    /// <exception cref="SetupException">The patch does not fit.</exception>
    public string Apply(string original) => original.Split(Find).Length == 2
        ? original.Replace(Find, Replace, StringComparison.Ordinal)
        : throw new SetupException($"The mutant '{Name}' no longer fits {File}: the text to replace must occur exactly once.");
}

/// <summary>A run that passes on the unchanged source and must fail on a mutant.</summary>
/// <param name="Project">A test project, or null for faults.</param>
/// <param name="Filter">Test names or fault ids.</param>
internal sealed record Check(string? Project, params string[] Filter)
{
    public static Check Faults(params string[] ids) => new(null, ids);

    public static Check Tests(string project, params string[] names) => new(project, names);

    public override string ToString() => Project is null ? $"fault {string.Join(", ", Filter)}" : $"{Project}: {string.Join(", ", Filter)}";
}

internal static class MutantList
{
    /// <summary>Mutants whose name contains one of the given parts; all mutants if none is given.</summary>
    public static IReadOnlyList<Mutant> Find(IReadOnlyCollection<string> parts) =>
        [.. All.Where(mutant => parts.Count == 0 || parts.Any(part => mutant.Name.Contains(part, StringComparison.OrdinalIgnoreCase)))];

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
            "park what a stop interrupts", "Processor.Worker/Inbox/ParkingPipe.cs",
            "endpoint.UseFilter(new InterruptedFilter());", "",
            Check.Tests("Platform.IntegrationTests", "A_worker_that_stops_in_the_middle_of_a_write_returns_the_message_to_its_queue")),
        new(
            "acknowledge beyond the committed prefix", "Processor.Worker/Inbox/DeliveryTags.cs",
            "var firstOpen = _open.Count > 0 ? _open.Min : _greatest + 1;", "var firstOpen = _greatest + 1;",
            Check.Tests("Processor.Worker.Tests", "An_open_delivery_is_never_acknowledged")),
        new(
            "inbox without its unique key", "Processor.Worker/Persistence/Migrations/20261123110308_Initial.cs",
            "table.PrimaryKey(\"inbox_state_pkey\", x => new { x.message_id, x.consumer_id });", "",
            Check.Faults("T04")),
        new(
            "identity from the body hash", "Ingress.Api/Webhooks/WebhookMessage.cs",
            "EventId = EventIdentity.Create(received.Content!.EventType, received.Content.JobId),",
            "EventId = EventIdentity.FromBody(Convert.ToHexStringLower(SHA256.HashData(body.Body.Span))),",
            Check.Faults("T04")),
        new(
            "one poison message fails its group", "Processor.Worker/Inbox/GroupCommitter.cs",
            "await CommitGroupAsync([unit], stoppingToken);", "unit.Fail(exception);",
            Check.Tests("Processor.Worker.Tests", "A_poison_message_fails_alone")),
        new(
            "transient errors count as permanent", "Processor.Worker/Persistence/DatabaseFault.cs",
            "PostgresException postgres => TransientClasses.Contains(postgres.SqlState[..2]) || IsCorruption(postgres.SqlState),", "PostgresException => false,",
            Check.Faults("D05")),
        new(
            "unknown exceptions count as transient", "Processor.Worker/Persistence/DatabaseFault.cs", "_ => false,", "_ => true,",
            Check.Tests("Processor.Worker.Tests", "Messages_that_cannot_be_planned_together_are_planned_one_by_one")),
        new(
            "delivery limit left at the broker's default", "Contracts/Topology.cs", "[\"x-delivery-limit\"] = DeliveryLimit,", "",
            Check.Tests("Contracts.Tests", "A_queue_loses_nothing")),
        new(
            "outbox published before the commit", "Processor.Worker/Inbox/GroupTransaction.cs",
            "        var plan = new GroupPlan(group, claimed, erased, known, now);",
            """
                    var plan = new GroupPlan(group, claimed, erased, known, now);
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
            "var order = other.Status.CompareTo(one.Status);", "var order = other.ReceivedAt.CompareTo(one.ReceivedAt);",
            Check.Faults("T02")),
        new(
            "late events refused", "Ingress.Api/Webhooks/Signature.cs",
            "_ => options.LatePolicy is LatePolicy.Accept ? Verification.Late : Verification.RefusedAsLate,", "_ => Verification.Stale,",
            Check.Faults("N04")),
        new(
            "reconciled fact under a new identity", "Processor.Worker/Reconciliation/ReconciledEvent.cs",
            "EventId = EventIdentity.Create(eventType, jobId),", "EventId = Guid.CreateVersion7(now),",
            Check.Tests("Processor.Worker.Tests", "An_event_that_is_missing_is_published_under_the_identity_of_the_webhook")),
        new(
            "a 404 believed at once", "Processor.Worker/Reconciliation/CheckDecision.cs",
            """
            counted.NotFound >= NotFoundTimes
                        && now - counted.NotFoundSince >= schedule.NotFoundFor;
            """,
            "true;",
            Check.Tests("Processor.Worker.Tests", "Four_answers_are_not_enough_however_long_they_take")),
        new(
            "retention drops what is pending", "Processor.Worker/Persistence/Migrations/20261129232000_Retention.cs",
            "where status in ('delivered', 'superseded') and decided_at < before", "where decided_at < before",
            Check.Tests("Processor.Worker.Tests", "What_is_unprocessed_pending_or_parked_stays_however_old")),
        new(
            "retention drops the events of an unfinished job", "Processor.Worker/Persistence/Migrations/20261129232000_Retention.cs",
            "                            and not exists (select from public.jobs where magic_hour_id = done.job_id and status in ('queued', 'rendering'))\n", "",
            Check.Tests("Processor.Worker.Tests", "What_is_unprocessed_pending_or_parked_stays_however_old")),
        new(
            "a cursor without a tie-breaker", "Processor.Worker/Operations/EventReader.cs",
            "$\"(received_at, event_id) < ({conditions.Parameter(after.At)}, {conditions.Parameter(Guid.Parse(after.Key))})\"",
            "$\"received_at < {conditions.Parameter(after.At)}\"",
            Check.Tests("Processor.Worker.Tests", "Pages_have_every_event_once_although_many_have_one_time_and_others_arrive_meanwhile")),
        new(
            "a replay that ignores the identity", "Processor.Worker/Replays/ReplayChunk.cs",
            "replay.NewIds ? Guid.CreateVersion7(now) : null", "Guid.CreateVersion7(now)",
            Check.Tests("Processor.Worker.Tests", "Domain_events_are_published_again_with_their_ids_and_nothing_else_is")),
        new(
            "replay at the rate of each worker", "Processor.Worker/Replays/ReplayTable.cs", "next_chunk_at <= $1)", "next_chunk_at <= $1 + interval '1 h')",
            Check.Tests("Processor.Worker.Tests", "Workers_keep_to_the_rate_together")),
        new(
            "a report that claims more than was confirmed", "Ingress.Api/Publishing/ConfirmedPrefix.cs",
            "while (_ahead.Remove(Through + 1))", "while (Through < publish.Number)",
            Check.Tests("Ingress.Api.Tests", "A_prefix_ends_before_the_first_publish_that_is_not_settled")),
        new(
            "a report that claims what was not confirmed", "Ingress.Api/Publishing/ConfirmedPrefix.cs",
            "if (!publish.IsConfirmed)", "if (!publish.IsConfirmed && publish.Number < 0)",
            Check.Tests("Ingress.Api.Tests", "A_report_says_which_publishes_were_answered_with_success")),
        new(
            "a report that leaves out what it reported before", "Ingress.Api/Publishing/ConfirmReporter.cs",
            "After = _confirmed.After,", "After = Math.Max(_confirmed.After, _confirmed.Through - 50),",
            Check.Faults("R01")),
        new(
            "erasure without a tombstone", "Processor.Worker/Inbox/GroupPlan.cs",
            "when _erased.Contains(received.JobId) =>", "when _erased.Contains(received.JobId) && unit.MessageId == default =>",
            Check.Tests("Processor.Worker.Tests", "The_senders_retry_and_a_new_event_afterwards_change_nothing_and_store_nothing")),
        new(
            "erasure beside the lock of the job", "Processor.Worker/Persistence/Migrations/20261130110000_Archive.cs",
            "perform pg_advisory_xact_lock(6975330, hashtext(erased));", "",
            Check.Tests("Processor.Worker.Tests", "An_erasure_waits_for_a_group_that_has_locked_the_job")),
        new(
            "rebuild without the locks of its jobs", "Processor.Worker/Rebuild/RebuildRun.cs",
            "var free = await LockAsync(connection, jobIds, cancellationToken);", "var free = jobIds;",
            Check.Tests("Processor.Worker.Tests", "A_job_that_a_group_has_locked_is_written_from_what_the_group_has_committed")),
        new(
            "rate limit checked before verification", "Ingress.Api/Webhooks/WebhookEndpoint.cs",
            "        if (SignatureHeaders.Read(http.Request.Headers) is not { } headers)",
            """
                    if (failures.Count(Peer(http)))
                    {
                        return Problems.TooManyFailures(http);
                    }

                    if (SignatureHeaders.Read(http.Request.Headers) is not { } headers)
            """,
            Check.Tests("Ingress.Api.Tests", "A_valid_signature_is_accepted_however_many_wrong_ones_its_peer_has_sent")),
        new(
            "budget refuses the newest request", "Ingress.Api/Webhooks/BodyBudget.cs",
            "half.Receiving.First is { } oldest)", "half.Receiving.First is { } oldest && oldest.Value == share)",
            Check.Tests("Ingress.Api.Tests", "The_newest_is_received_and_the_oldest_is_shed")),
        new(
            "unbounded bytes in flight", "Processor.Worker/Inbox/DeliveryBudget.cs",
            "await room.WaitAsync(LongestPause, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);", "await Task.CompletedTask;",
            Check.Tests("Processor.Worker.Tests", "Reading_stops_when_the_messages_in_flight_use_the_budget_and_resumes_when_one_is_settled")),
        new(
            "more bytes in flight than the pod's memory allows", "Processor.Worker/appsettings.json",
            "\"BytesInWork\": 4194304,", "\"BytesInWork\": 16777216,",
            Check.Tests("Deploy.Tests", "The_largest_bodies_in_flight_fit_the_pod")),
    ];
}
