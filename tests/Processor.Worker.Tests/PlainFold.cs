using System.Text.Json.Nodes;
using Platform.Contracts;
using Processor.Worker.Jobs;

namespace Processor.Worker.Tests;

/// <summary>The rules of <c>jobs</c>, applied in the simplest way to all deliveries at once.</summary>
internal static class PlainFold
{
    private static readonly string[] Actions = ["started", "canceled", "errored", "completed"];
    private static readonly string[] Statuses = ["rendering", "canceled", "failed", "completed"];

    public static SortedDictionary<string, string> FromDeliveries(IEnumerable<WebhookReceived> deliveries) => new(
        deliveries
            .Where(delivery => delivery.EventType.Split('.') is [("video" or "image" or "audio"), var action] && Actions.Contains(action))
            .GroupBy(delivery => delivery.JobId)
            .ToDictionary(job => job.Key, job => Fold([.. job])),
        StringComparer.Ordinal);

    public static string Print(Job job) => string.Join(" | ",
        job.Resource, job.Status.ToString().ToLowerInvariant(), job.ProjectType ?? "-", job.Name ?? "-", $"{job.CreditsCharged}",
        Downloads(job.Downloads is null ? null : JsonNode.Parse(job.Downloads)!.AsArray()), job.ErrorCode ?? "-", job.ErrorMessage ?? "-",
        Time(job.CreatedAt), Time(job.StartedAt), Time(job.CompletedAt), Time(job.FailedAt), Time(job.CanceledAt), Time(job.UpdatedAt));

    private static string Fold(WebhookReceived[] deliveries)
    {
        // One fact per event, from its earliest delivery.
        var facts = deliveries
            .GroupBy(delivery => delivery.EventType)
            .Select(group => group.OrderBy(delivery => delivery.ReceivedAt).First())
            .Select(delivery => (
                Rank: Array.IndexOf(Actions, delivery.EventType.Split('.')[1]),
                Resource: delivery.EventType.Split('.')[0],
                delivery.ReceivedAt,
                Payload: JsonNode.Parse(delivery.Body.Span)!["payload"]!))
            .OrderByDescending(fact => fact.Rank).ThenBy(fact => fact.ReceivedAt).ThenBy(fact => fact.Resource, StringComparer.Ordinal)
            .ToArray();
        var completed = facts.Where(fact => fact.Rank == 3).ToArray();
        var failed = facts.Where(fact => fact.Rank == 2).ToArray();
        var canceled = facts.Where(fact => fact.Rank == 1).ToArray();
        var started = facts.Where(fact => fact.Rank == 0).ToArray();
        return string.Join(" | ",
            facts[0].Resource,
            Statuses[facts[0].Rank],
            facts.Select(fact => (string?)fact.Payload["type"]).FirstOrDefault(text => text is not null) ?? "-",
            facts.Select(fact => (string?)fact.Payload["name"]).FirstOrDefault(text => text is not null) ?? "-",
            $"{facts.Select(fact => (long?)fact.Payload["credits_charged"]).FirstOrDefault(number => number is not null)}",
            Downloads(completed.Length == 0 ? null : LongestValid(deliveries.Where(delivery => delivery.EventType == $"{completed[0].Resource}.completed"))),
            failed.Length == 0 ? "-" : (string?)failed[0].Payload["error"]?["code"] ?? "-",
            failed.Length == 0 ? "-" : (string?)failed[0].Payload["error"]?["message"] ?? "-",
            Time(facts.Min(fact => fact.ReceivedAt)),
            Time(started.Length == 0 ? null : started[0].ReceivedAt),
            Time(completed.Length == 0 ? null : completed[0].ReceivedAt),
            Time(failed.Length == 0 ? null : failed[0].ReceivedAt),
            Time(canceled.Length == 0 ? null : canceled[0].ReceivedAt),
            Time(facts.Max(fact => fact.ReceivedAt)));
    }

    // Every file of every body, each with the latest expiry in any body.
    private static JsonArray LongestValid(IEnumerable<WebhookReceived> deliveries)
    {
        // A file in the earliest body keeps its position there.
        var files = deliveries.OrderBy(delivery => delivery.ReceivedAt)
            .SelectMany(delivery => Files(JsonNode.Parse(delivery.Body.Span)!["payload"]!["downloads"]?.AsArray() ?? []))
            .GroupBy(file => file.Name).Select(same => LongestValid(same.Select(file => file.Download)))
            .GroupBy(download => (string)download["url"]!).Select(LongestValid);
        return [.. files.Select(file => file.DeepClone())];
    }

    private static JsonNode LongestValid(IEnumerable<JsonNode> downloads) =>
        downloads.OrderBy(download => $"{download["expires_at"]} {download["url"]}", StringComparer.Ordinal).Last();

    // A path identifies a file, unless its body has several files with that path.
    private static IEnumerable<(string Name, JsonNode Download)> Files(JsonArray downloads)
    {
        var byPath = downloads.ToLookup(Path);
        return downloads.Select(download => (byPath[Path(download)].Count() == 1 ? Path(download) : $"the one at {download!["url"]}", download!));

        static string Path(JsonNode? download) => ((string)download!["url"]!).Split('?')[0];
    }

    private static string Downloads(JsonArray? downloads) =>
        downloads is null ? "-" : string.Join(',', downloads.Select(item => $"{item!["url"]} until {item["expires_at"]}"));

    private static string Time(DateTimeOffset? time) => time is { } at ? $"{(at - Deliveries.Noon).TotalSeconds}" : "-";
}
