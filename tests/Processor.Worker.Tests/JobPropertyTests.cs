using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Platform.Contracts;
using Processor.Worker.Events;
using Processor.Worker.Inbox;
using Processor.Worker.Jobs;

namespace Processor.Worker.Tests;

/// <summary>
/// Any multiset of events, in any order, split over any groups, gives the same job as a plain fold over the set. The fold here is
/// written from the rules, not from the code.
/// </summary>
public sealed class JobPropertyTests
{
    [Property(MaxTest = 2000, Arbitrary = [typeof(Arbitraries)])]
    public void The_job_is_a_function_of_the_set_of_events(Arrivals arrivals)
    {
        var store = new MemoryStore();
        foreach (var group in arrivals.Groups)
        {
            store.Commit(group);
        }

        Assert.Equal(PlainFold.Of(arrivals.All), store.Jobs);
    }

    [Property(MaxTest = 500, Arbitrary = [typeof(Arbitraries)])]
    public void A_transition_is_told_at_most_once(Arrivals arrivals)
    {
        var store = new MemoryStore();
        foreach (var group in arrivals.Groups)
        {
            store.Commit(group);
        }

        Assert.Equal(store.Told.Count, store.Told.Distinct().Count());
        Assert.All(
            store.Told.GroupBy(told => told.JobId),
            job => Assert.Equal(job.Select(told => told.Status).Order(), job.Select(told => told.Status)));
    }

    /// <summary>What a database would hold, kept in memory: it applies the same plans.</summary>
    private sealed class MemoryStore
    {
        private readonly HashSet<Guid> _inbox = [];
        private readonly Dictionary<Guid, KnownEvent> _events = [];
        private readonly Dictionary<string, Job> _jobs = [];

        public SortedDictionary<string, string> Jobs =>
            new(_jobs.ToDictionary(job => job.Key, job => PlainFold.Print(job.Value)), StringComparer.Ordinal);

        public List<(string JobId, JobStatus Status)> Told { get; } = [];

        public void Commit(IReadOnlyList<WebhookReceived> group)
        {
            // As the committer does: a second unit of the same message waits for the next group.
            for (var rest = group.ToList(); rest.Count > 0;)
            {
                var units = rest.DistinctBy(received => received.EventId).ToList();
                CommitDistinct([.. units.Select(Deliveries.Unit)]);
                rest = [.. rest.Except(units)];
            }
        }

        private void CommitDistinct(UnitOfWork[] units)
        {
            var claimed = units.Select(unit => unit.MessageId).Where(_inbox.Add).ToHashSet();
            var jobIds = units.Select(unit => unit.Event!.JobId).ToHashSet();
            var plan = new GroupPlan(units, claimed, _events.Values.Where(known => jobIds.Contains(known.JobId)), Deliveries.Noon);
            foreach (var added in plan.Events)
            {
                var fact = added.Fact is null ? null : JobFact.FromJson(added.Fact);
                Assert.True(_events.TryAdd(added.EventId, new KnownEvent(added.EventId, added.JobId, fact, [added.BodySha256])));
            }

            foreach (var amendment in plan.Amendments)
            {
                var known = _events[amendment.Event.EventId];
                _events[known.EventId] = known with
                {
                    Fact = amendment.Fact,
                    Bodies = amendment.Variant is null ? known.Bodies : [.. known.Bodies, amendment.Variant],
                };
            }

            foreach (var job in plan.Jobs)
            {
                _jobs[job.MagicHourId] = job;
            }

            Told.AddRange(plan.Outbox.Select(message => (
                units.Single(unit => unit.MessageId == message.MessageId).Event!.JobId,
                units.Single(unit => unit.MessageId == message.MessageId).Fact!.Status)));
        }
    }
}

/// <summary>The rules of <c>jobs</c>, applied in the plainest way to all deliveries at once.</summary>
internal static class PlainFold
{
    private static readonly string[] Actions = ["started", "errored", "completed"];
    private static readonly string[] Statuses = ["rendering", "failed", "completed"];

    public static SortedDictionary<string, string> Of(IEnumerable<WebhookReceived> deliveries) => new(
        deliveries
            .Where(delivery => delivery.EventType.Split('.') is [("video" or "image" or "audio"), var action] && Actions.Contains(action))
            .GroupBy(delivery => delivery.JobId)
            .ToDictionary(job => job.Key, job => Fold([.. job])),
        StringComparer.Ordinal);

    public static string Print(Job job) => string.Join(" | ",
        job.Resource, job.Status.ToString().ToLowerInvariant(), job.ProjectType ?? "-", job.Name ?? "-", $"{job.CreditsCharged}",
        Downloads(job.Downloads is null ? null : JsonNode.Parse(job.Downloads)!.AsArray()), job.ErrorCode ?? "-", job.ErrorMessage ?? "-",
        Time(job.CreatedAt), Time(job.StartedAt), Time(job.CompletedAt), Time(job.FailedAt), Time(job.UpdatedAt));

    private static string Fold(WebhookReceived[] deliveries)
    {
        // One fact an event: that of its earliest delivery.
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
        var completed = facts.Where(fact => fact.Rank == 2).ToArray();
        var failed = facts.Where(fact => fact.Rank == 1).ToArray();
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
            Time(facts.Max(fact => fact.ReceivedAt)));
    }

    // Every file of every body, each with the latest expiry that any body gave it.
    private static JsonArray LongestValid(IEnumerable<WebhookReceived> deliveries)
    {
        // A file that the earliest body has stands where that body has it.
        var files = deliveries.OrderBy(delivery => delivery.ReceivedAt)
            .SelectMany(delivery => JsonNode.Parse(delivery.Body.Span)!["payload"]!["downloads"]?.AsArray() ?? [])
            .GroupBy(download => ((string)download!["url"]!).Split('?')[0])
            .Select(file => file.MaxBy(download => (string)download!["expires_at"]!)!.DeepClone());
        return [.. files];
    }

    private static string Downloads(JsonArray? downloads) =>
        downloads is null ? "-" : string.Join(',', downloads.Select(item => $"{item!["url"]} until {item["expires_at"]}"));

    private static string Time(DateTimeOffset? time) => time is { } at ? $"{(at - Deliveries.Noon).TotalSeconds}" : "-";
}

/// <summary>Deliveries in the order in which they arrive, split into groups.</summary>
public sealed record Arrivals
{
    internal IReadOnlyList<IReadOnlyList<WebhookReceived>> Groups { get; init; } = [];

    internal IEnumerable<WebhookReceived> All => Groups.SelectMany(group => group);

    public override string ToString() => string.Join("\n---\n", Groups.Select(group => string.Join('\n', group.Select(one =>
        $"{(one.ReceivedAt - Deliveries.Noon).TotalSeconds}: {System.Text.Encoding.UTF8.GetString(one.Body.Span)}"))));
}

/// <summary>Generates arrivals: few jobs, so that events meet; every field missing, null or different now and then.</summary>
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
            "image.started", "audio.errored", "project.deleted")
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
            ["url"] = $"https://v/{file}.mp4?t={hours}",
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

    /// <summary>No two deliveries at the same moment: which of two simultaneous bodies is right is not a rule, only fixed.</summary>
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
