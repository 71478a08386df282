using System.Text.Json;
using Platform.DevStack;

namespace Platform.Simulator.Verdicts;

/// <summary>Compares notifications with what happened to the jobs: one for each end, and none after completion.</summary>
internal sealed class NotificationCheck(IEnumerable<Case> cases, Evidence evidence, VerdictOptions options)
{
    private readonly HashSet<(string JobId, string Outcome)> _ends =
    [
        .. cases
            .Where(one => one.IsApplied && JobFold.Concerns(one.Webhook.Type))
            .Select(one => (one.Webhook.JobId, one.Webhook.Type.Split('.')[1] switch { "errored" => "failed", var action => action }))
            .Where(end => end.Item2 != "started"),
    ];

    // In order of arrival.
    private readonly NotifiedOwner[] _notified = [.. (options.Notified ?? []).Select(NotifiedOwner.Read).Where(notified => evidence.Owners.Any(owner => owner.JobId == notified.JobId))];

    /// <summary>Registrations that are not stored, or not yet while the platform is still working.</summary>
    public IEnumerable<string> Unregistered() => (options.Registered ?? [])
        .Except(evidence.Owners.Where(owner => owner.Channel == "webhook").Select(owner => owner.JobId))
        .Select(jobId => $"{jobId}: its owner was registered but is not stored");

    public IEnumerable<string> Lost() => Unregistered().Concat(Unnotified());

    /// <summary>The same notification under two ids, which its receiver cannot recognize as a duplicate.</summary>
    public IEnumerable<string> Doubled() => _notified
        .GroupBy(notified => (notified.JobId, notified.Outcome))
        .Where(same => same.DistinctBy(notified => notified.Id).Skip(1).Any())
        .Select(same => $"{same.Key.JobId}: its owner was notified twice that it has {same.Key.Outcome}");

    public IEnumerable<string> Wrong() => evidence.Notifications
        .Where(row => !_ends.Contains((row.JobId, row.Outcome)))
        .Select(row => $"{row.JobId}: its owner has a notification that it has {row.Outcome}, but it has not")
        .Concat(_notified
            .Select((notified, at) => (notified, at))
            .Where(one => one.notified.Outcome == "failed" && _notified.Take(one.at).Any(before => before.JobId == one.notified.JobId && before.Outcome == "completed"))
            .Select(one => $"{one.notified.JobId}: its owner was notified that it has failed after being notified that it has completed"))
        .Concat(options.Rejected.Select(webhook => $"{webhook.Id}: the receiver's own key does not verify it"));

    private IEnumerable<string> Unnotified()
    {
        var rows = evidence.Notifications.Select(row => (row.JobId, row.Channel, row.Outcome)).ToHashSet();
        foreach (var owner in evidence.Owners)
        {
            var last = _ends.Contains((owner.JobId, "completed")) ? "completed" : "failed";
            if (_ends.Contains((owner.JobId, last)) && !rows.Contains((owner.JobId, owner.Channel, last)))
            {
                yield return $"{owner.JobId}: its owner has no notification by {owner.Channel} that it has {last}";
            }
        }

        var notified = _notified.Select(one => (one.JobId, one.Outcome)).ToHashSet();
        foreach (var row in evidence.Notifications.Where(row => options.Notified is not null && row is { Channel: "webhook", Status: not "superseded" }))
        {
            if (!notified.Contains((row.JobId, row.Outcome)))
            {
                yield return $"{row.JobId}: its owner was not notified that it has {row.Outcome}";
            }
        }
    }

    /// <summary>A notification that an owner received.</summary>
    private sealed record NotifiedOwner(string JobId, string Outcome, string Id)
    {
        public static NotifiedOwner Read(ReceivedWebhook webhook)
        {
            using var body = JsonDocument.Parse(webhook.Body);
            var data = body.RootElement.GetProperty("data");
            return new NotifiedOwner(data.GetProperty("jobId").GetString()!, data.GetProperty("status").GetString()!, webhook.Id);
        }
    }
}
