using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using Platform.Contracts;

namespace Processor.Worker.Tests;

/// <summary>Deliveries in order of arrival, split into groups.</summary>
public sealed record Arrivals
{
    internal IReadOnlyList<IReadOnlyList<WebhookReceived>> Groups { get; init; } = [];

    internal IEnumerable<WebhookReceived> All => Groups.SelectMany(group => group);

    public override string ToString() => string.Join("\n---\n", Groups.Select(group => string.Join('\n', group.Select(one =>
        $"{(one.ReceivedAt - Deliveries.Noon).TotalSeconds}: {System.Text.Encoding.UTF8.GetString(one.Body.Span)}"))));
}

/// <summary>
/// Generates arrivals: few jobs, so that events concern the same ones; every field is missing, null or different at times.
/// </summary>
public static class Arbitraries
{
    public static Arbitrary<Arrivals> Arrivals() => Arb.From(
        from count in Gen.Choose(1, 14)
        from deliveries in Delivery().ListOf(count)
        from repeats in Gen.ListOf(Gen.Elements(deliveries.ToArray()))
        from order in Gen.Shuffle(WithDistinctTimes(deliveries).Concat(repeats.SelectMany(repeat => WithDistinctTimes(deliveries).Where(one => one.DeliveryId == repeat.DeliveryId))))
        from sizes in Gen.Choose(1, 6).ListOf(order.Length)
        select new Arrivals { Groups = Split(order, [.. sizes]) });

    private static Gen<WebhookReceived> Delivery() =>
        from jobId in Gen.Elements("a", "a", "a", "b")
        from type in Gen.Elements(
            "video.started", "video.completed", "video.errored", "video.started", "video.completed", "video.errored", "image.completed",
            "image.started", "audio.errored", "video.canceled", "project.deleted")
        from second in Gen.Choose(0, 1000)
        from name in Gen.Elements<string?>(null, "A", "B", "cut")
        from tool in Gen.Elements<string?>(null, "T", "U")
        from credits in Gen.Elements<int?>(null, 0, 5, 240)
        from error in Gen.Elements<string?>(null, "x", "y")
        from files in Gen.Shuffle(0, 1, 2, 3)
        from fileCount in Gen.Choose(0, 4)
        from hours in Gen.Choose(1, 5)
        select Deliveries.Event(Body(type, jobId, name, tool, credits, error, files.Take(fileCount), hours), Deliveries.Noon.AddSeconds(second));

    private static string Body(string type, string jobId, string? name, string? tool, int? credits, string? error, IEnumerable<int> files, int hours)
    {
        var downloads = new JsonArray([.. files.Select(file => new JsonObject
        {
            // Some differ by path, with a credential in the query; some differ only by query.
            ["url"] = file < 2 ? $"https://v/{file}.mp4?t={hours}" : $"https://v/get?file={file}",
            ["expires_at"] = $"2026-11-24T{hours:00}:00:00.000Z",
        })]);
        return new JsonObject
        {
            ["type"] = type,
            ["payload"] = new JsonObject
            {
                ["id"] = jobId,
                ["name"] = name,
                ["type"] = tool,
                ["credits_charged"] = credits,
                ["error"] = error is null ? null : new JsonObject { ["code"] = error, ["message"] = error + error },
                ["downloads"] = downloads,
            },
        }.ToJsonString();
    }

    /// <summary>
    /// No two deliveries share a time: the rules leave open which of two simultaneous bodies wins, though the result is fixed.
    /// </summary>
    private static IEnumerable<WebhookReceived> WithDistinctTimes(IEnumerable<WebhookReceived> deliveries) =>
        deliveries.Select((delivery, index) => delivery with { ReceivedAt = delivery.ReceivedAt.AddMilliseconds(index) });

    private static List<IReadOnlyList<WebhookReceived>> Split(WebhookReceived[] order, int[] sizes)
    {
        var groups = new List<IReadOnlyList<WebhookReceived>>();
        for (var (at, i) = (0, 0); at < order.Length; at += sizes[i++])
        {
            groups.Add([.. order.Skip(at).Take(sizes[i])]);
        }

        return groups;
    }
}
