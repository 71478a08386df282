using System.Text.Json;
using Platform.LocalStack;

namespace Platform.Simulator.Verdicts;

/// <summary>Compares what owners are told with what happened to their jobs: each end once, and nothing after the completion.</summary>
internal sealed class NotificationCheck(IEnumerable<Case> cases, Evidence evidence, VerdictOptions options)
{
    private readonly HashSet<(string JobId, string Outcome)> _ends =
    [
        .. cases
            .Where(one => one.IsApplied && JobFold.Concerns(one.Webhook.Type))
            .Select(one => (one.Webhook.JobId, one.Webhook.Type.Split('.')[1] switch { "errored" => "failed", var action => action }))
            .Where(end => end.Item2 != "started"),
    ];

    // In the order in which they arrived.
    private readonly ToldOwner[] _told = [.. (options.Told ?? []).Select(ToldOwner.Read).Where(told => evidence.Owners.Any(owner => owner.JobId == told.JobId))];

    /// <summary>Registrations that are not stored; or not yet, while the platform still works.</summary>
    public IEnumerable<string> Unregistered() => (options.Registered ?? [])
        .Except(evidence.Owners.Where(owner => owner.Channel == "webhook").Select(owner => owner.JobId))
        .Select(jobId => $"{jobId}: its owner was registered and is not known");

    public IEnumerable<string> Lost() => Unregistered().Concat(Untold());

    /// <summary>The same thing told under two ids: whoever receives it cannot know that it is the same.</summary>
    public IEnumerable<string> Doubled() => _told
        .GroupBy(told => (told.JobId, told.Outcome))
        .Where(same => same.DistinctBy(told => told.Id).Skip(1).Any())
        .Select(same => $"{same.Key.JobId}: its owner was told twice that it has {same.Key.Outcome}");

    public IEnumerable<string> Wrong() => evidence.Notifications
        .Where(row => !_ends.Contains((row.JobId, row.Outcome)))
        .Select(row => $"{row.JobId}: its owner is told that it has {row.Outcome}, and it has not")
        .Concat(_told
            .Select((told, at) => (told, at))
            .Where(one => one.told.Outcome == "failed" && _told.Take(one.at).Any(before => before.JobId == one.told.JobId && before.Outcome == "completed"))
            .Select(one => $"{one.told.JobId}: its owner was told that it has failed after they were told that it has completed"));

    private IEnumerable<string> Untold()
    {
        var rows = evidence.Notifications.Select(row => (row.JobId, row.Channel, row.Outcome)).ToHashSet();
        foreach (var owner in evidence.Owners)
        {
            var last = _ends.Contains((owner.JobId, "completed")) ? "completed" : "failed";
            if (_ends.Contains((owner.JobId, last)) && !rows.Contains((owner.JobId, owner.Channel, last)))
            {
                yield return $"{owner.JobId}: its owner is not to be told by {owner.Channel} that it has {last}";
            }
        }

        var told = _told.Select(one => (one.JobId, one.Outcome)).ToHashSet();
        foreach (var row in evidence.Notifications.Where(row => options.Told is not null && row is { Channel: "webhook", Status: not "superseded" }))
        {
            if (!told.Contains((row.JobId, row.Outcome)))
            {
                yield return $"{row.JobId}: its owner was not told that it has {row.Outcome}";
            }
        }
    }

    /// <summary>What an owner was told.</summary>
    private sealed record ToldOwner(string JobId, string Outcome, string Id)
    {
        public static ToldOwner Read(ReceivedWebhook webhook)
        {
            using var body = JsonDocument.Parse(webhook.Body);
            var data = body.RootElement.GetProperty("data");
            return new ToldOwner(data.GetProperty("jobId").GetString()!, data.GetProperty("status").GetString()!, webhook.Id);
        }
    }
}
