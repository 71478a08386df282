using System.Text.Json;
using System.Text.Json.Serialization;
using Platform.DevStack;
using Platform.Simulator.Api;
using Platform.Simulator.Verdicts;

namespace Platform.Simulator.Truth;

/// <summary>Compares the platform's jobs with the truth at Magic Hour. Independent of the code that it judges: it relies only on the tables.</summary>
internal sealed record TruthVerdict
{
    /// <summary>Every job has ended, and no check or notification is pending.</summary>
    public required bool IsSettled { get; init; }

    /// <summary>Accepted events that are not stored.</summary>
    public required Finding Lost { get; init; }

    /// <summary>Owners that were notified twice of the same end.</summary>
    public required Finding Doubled { get; init; }

    /// <summary>Jobs that have not ended as Magic Hour knows, owners whose last notification was another end, or none.</summary>
    public required Finding Wrong { get; init; }

    /// <summary>Calls that the reconciler must not make, and too many in one second.</summary>
    public required Finding Forbidden { get; init; }

    [JsonIgnore]
    public bool IsGood => IsSettled && Lost.Count + Doubled.Count + Wrong.Count + Forbidden.Count == 0;

    [JsonIgnore]
    public IEnumerable<string> Lines =>
    [
        $"verdict    {(IsGood ? "clean" : "VIOLATED")}{(IsSettled ? "" : "; something is still pending")}",
        $"           lost {Lost.Count}, doubled {Doubled.Count}, wrong {Wrong.Count}, forbidden calls {Forbidden.Count}",
        .. new[] { Lost, Doubled, Wrong, Forbidden }.SelectMany(finding => finding.First).Select(one => $"           {one}"),
    ];

    public static TruthVerdict Judge(
        IReadOnlyCollection<TruthCase> cases, TruthEvidence evidence, IReadOnlyCollection<ReceivedWebhook> notified, CallReport calls, int requestsPerSecond,
        bool isSettled)
    {
        var notifications = notified.Select(Notified.Read).ToLookup(one => one.JobId);
        return new TruthVerdict
        {
            IsSettled = isSettled,
            Lost = Finding.From(cases.SelectMany(one => one.Delivered.Where(type => !evidence.Events.Contains((one.JobId, type))).Select(type => $"{one.JobId}: {type}"))),
            Doubled = Finding.From(notifications.SelectMany(ofJob => ofJob.CountBy(one => one.Status)
                .Where(same => same.Value > 1).Select(same => $"{ofJob.Key}: its owner was notified {same.Value} times that it has {same.Key}"))),
            Wrong = Finding.From(cases.Select(one => FindError(one, evidence, notifications[one.JobId].LastOrDefault()?.Status)).OfType<string>()),
            Forbidden = Finding.From(FindForbidden(cases, calls, requestsPerSecond)),
        };
    }

    /// <returns>Null when job and owner are right.</returns>
    private static string? FindError(TruthCase one, TruthEvidence evidence, string? notified)
    {
        var status = evidence.Jobs.GetValueOrDefault(one.JobId, "missing");
        if (!one.Ends.Contains(status))
        {
            return $"{one.JobId}: {status}, but {one.Ends[0]} at Magic Hour";
        }

        return notified == status ? null : $"{one.JobId}: {status}, but its owner was last notified that it has {notified ?? "no end"}";
    }

    private static IEnumerable<string> FindForbidden(IReadOnlyCollection<TruthCase> cases, CallReport calls, int requestsPerSecond)
    {
        var others = calls.ByMethod.Where(one => one.Key is not ("GET" or "POST")).Select(one => $"{one.Value} × {one.Key}");
        // The storm has created each job with one POST.
        var creates = calls.ByMethod.GetValueOrDefault("POST") - cases.Count;
        var most = calls.MostInOneSecond.GetValueOrDefault("GET");
        return
        [
            .. others,
            .. creates == 0 ? Array.Empty<string>() : [$"{creates} × POST"],
            .. most <= requestsPerSecond ? Array.Empty<string>() : [$"{most} calls in one second, more than {requestsPerSecond}"],
        ];
    }

    private sealed record Notified(string JobId, string Status)
    {
        public static Notified Read(ReceivedWebhook webhook)
        {
            using var body = JsonDocument.Parse(webhook.Body);
            var data = body.RootElement.GetProperty("data");
            return new Notified(data.GetProperty("jobId").GetString()!, data.GetProperty("status").GetString()!);
        }
    }
}
