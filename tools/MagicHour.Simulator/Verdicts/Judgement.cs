using Platform.Contracts;
using Platform.Simulator.Storms;

namespace Platform.Simulator.Verdicts;

/// <summary>Judges a ledger against the evidence, joined by id. Pure: no I/O.</summary>
internal sealed class Judgement
{
    private readonly Ledger _ledger;
    private readonly Evidence _evidence;
    private readonly VerdictOptions _options;
    private readonly List<Case> _cases;
    private readonly Dictionary<Guid, Case> _caseOf;
    private readonly HashSet<string> _jobIds;
    private readonly NotificationCheck _notifications;

    public Judgement(Ledger ledger, Evidence evidence, VerdictOptions options)
    {
        _ledger = ledger;
        _evidence = evidence;
        _options = options;
        var attempts = ledger.Attempts.ToLookup(attempt => attempt.Event);
        var rows = evidence.Events.ToLookup(row => (row.Type, row.JobId));
        var bodies = evidence.Bodies.ToLookup(row => row.EventId);
        _cases =
        [
            .. ledger.Events
                .Select((webhook, index) => new Case(
                    webhook,
                    [.. attempts[index]],
                    [.. rows[(webhook.Type, webhook.JobId)].Where(_ => !webhook.IsKeptAside)],
                    [.. bodies[webhook.MessageId]]))
                .Where(one => one.Webhook.Expected is not Expectation.Refused && one.Attempts.Count > 0),
        ];
        _caseOf = _cases.ToDictionary(one => one.Webhook.MessageId);
        _jobIds = [.. _cases.Where(one => !one.Webhook.IsKeptAside).Select(one => one.Webhook.JobId)];
        _notifications = new NotificationCheck(_cases, evidence, options);
    }

    public Verdict Judge(bool isSettled)
    {
        var missing = Missing().ToLookup(missing => Shows(Topology.WebhookReceivedQueue, missing.Case));
        return new Verdict
        {
            IsSettled = isSettled,
            Accepted = _cases.Count(one => one.Accepted.Any()),
            Applied = _cases.Count(one => one.IsApplied),
            Quarantined = _cases.Count(IsQuarantined),
            Parked = Finding.From(_cases.Where(one => Shows(Topology.ErrorQueue, one) || Shows(Topology.SkippedQueue, one))),
            Dead = Finding.From(_cases.Where(one => Shows(Topology.DeadLetterQueue, one))),
            InFlight = Finding.From(missing[true].Select(one => one.Case).Distinct()),
            Unpublished = _evidence.Outbox.Values.Sum(),
            Notifications = _evidence.Notifications.CountBy(row => row.Status).ToDictionary(),
            Ghosts = Finding.From(_cases.Where(one => (one.IsApplied || IsQuarantined(one)) && !one.Accepted.Any())),
            Duplicates = _cases.Sum(one => Math.Max(0, one.Accepted.Count() - 1)),
            Late = _cases.Count(one => one.Rows.Any(row => row.Late)),
            Lost = Finding.From(missing[false].Select(one => $"{one.Case}: {one.What}").Concat(Unannounced()).Concat(_notifications.Lost())),
            Doubled = Finding.From(_cases.SelectMany(Doubled).Concat(_notifications.Doubled())),
            Phantom = Finding.From(Phantoms()),
            Wrong = Finding.From(_cases.SelectMany(WrongRows).Concat(WrongJobs()).Concat(_notifications.Wrong())),
        };
    }

    /// <summary>Nothing is missing that may still arrive.</summary>
    public bool IsWhole => !Missing().Any() && !_notifications.Unregistered().Any();

    /// <summary>Accepted events that are in no table and no queue of parked messages.</summary>
    private IEnumerable<(Case Case, string What)> Missing()
    {
        foreach (var one in _cases.Where(one => one.Accepted.Any() && !IsParked(one)))
        {
            if (!one.IsApplied && !IsQuarantined(one))
            {
                yield return (one, "no row");
            }
            else if (one.IsApplied && one.AcceptedHashes.Except(one.Bodies.Select(body => body.Hash)).FirstOrDefault() is { } hash)
            {
                yield return (one, $"no body {hash[..8]}");
            }
        }
    }

    private IEnumerable<string> Unannounced() => _options.DomainEvents is not { } announced
        ? []
        : _cases
            // Completion is the highest status, so no earlier event can have made its domain event superfluous.
            .Where(one => one.IsApplied && one.Webhook.Type is "video.completed" or "image.completed" or "audio.completed")
            .Where(one => !announced.ContainsKey(one.Webhook.MessageId) && !_evidence.Outbox.ContainsKey(one.Webhook.MessageId))
            .Select(one => $"{one}: no domain event");

    private IEnumerable<string> Doubled(Case one)
    {
        var id = one.Webhook.MessageId;
        var announced = _options.MayRepeatDomainEvents ? 0 : _options.DomainEvents?.GetValueOrDefault(id) ?? 0;
        return new (int Count, string What)[]
        {
            (one.Rows.Count, "rows in webhook_events"),
            (_evidence.Inbox.GetValueOrDefault(id), "rows in inbox_state"),
            (one.Webhook.BodyHashes.Max(hash => _evidence.Quarantined.GetValueOrDefault(hash)), "rows in quarantined_events"),
            (one.Bodies.CountBy(body => body.Hash).Select(body => body.Value).DefaultIfEmpty().Max(), "rows of one body"),
            (_evidence.Outbox.GetValueOrDefault(id), "rows in outbox_message"),
            (announced, "domain events"),
        }.Where(found => found.Count > 1).Select(found => $"{one}: {found.Count} {found.What}");
    }

    private IEnumerable<string> Phantoms()
    {
        var signed = _cases.SelectMany(one => one.SentHashes.Select(hash => (one.Webhook.MessageId, hash))).ToHashSet();
        return _evidence.Events
            .Where(row => !_caseOf.ContainsKey(EventIdentity.Create(row.Type, row.JobId)))
            .Select(row => $"{row.Type} {row.JobId}: never sent")
            .Concat(_evidence.Bodies
                .Where(row => !signed.Contains((row.EventId, row.Hash)))
                .Select(row => $"{row.EventId}: a body that was never signed"))
            .Concat(_evidence.Jobs
                .Where(row => !_jobIds.Contains(row.JobId))
                .Select(row => $"{row.JobId}: a job that was never sent"))
            .Concat(_ledger.Events
                .Where(webhook => webhook.Expected is Expectation.Refused && _evidence.Quarantined.ContainsKey(webhook.BodyHashes[0]))
                .Select(webhook => $"{webhook}: a forgery in quarantine"))
            .Concat(_ledger.Attempts
                .Where(attempt => _ledger.Events[attempt.Event].Expected is Expectation.Refused && attempt.Status is >= 200 and < 300)
                .Select(attempt => $"{_ledger.Events[attempt.Event]}: a forgery was answered {attempt.Status}"))
            .Concat(_cases
                .Where(one => !one.IsApplied && _options.DomainEvents?.ContainsKey(one.Webhook.MessageId) is true)
                .Select(one => $"{one}: a domain event without an applied event"));
    }

    private IEnumerable<string> WrongRows(Case one)
    {
        foreach (var row in one.Rows)
        {
            if (row.EventId != one.Webhook.MessageId)
            {
                yield return $"{one}: its row has the id {row.EventId}";
            }
            else if (!_evidence.Inbox.ContainsKey(row.EventId))
            {
                yield return $"{one}: not in the inbox";
            }
            else if (one.Bodies.All(body => body.Hash != row.BodyHash))
            {
                yield return $"{one}: its body is not stored";
            }
        }
    }

    private IEnumerable<string> WrongJobs() => new JobCheck(_cases, _evidence.Jobs.Where(row => _jobIds.Contains(row.JobId))).Find();

    private bool IsQuarantined(Case one) => one.Webhook.BodyHashes.Any(_evidence.Quarantined.ContainsKey);

    private bool IsParked(Case one) =>
        Shows(Topology.ErrorQueue, one) || Shows(Topology.SkippedQueue, one) || Shows(Topology.DeadLetterQueue, one);

    private bool Shows(string queue, Case one) => _evidence.Queues.TryGetValue(queue, out var ids) && ids.Contains(one.Webhook.MessageId);
}
