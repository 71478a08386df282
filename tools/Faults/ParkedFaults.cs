using System.Diagnostics;
using System.Text.Json;
using static Platform.Faults.FaultContext;

namespace Platform.Faults;

/// <summary>An operator releases many parked messages while workers die.</summary>
internal static class ParkedFaults
{
    private const int Parked = 5000;

    // The first words of job ids: events of such jobs are refused, each for a cause of its own.
    private static readonly (string Cause, double Share)[] Causes = [("locked", 0.4), ("odd", 0.3), ("late", 0.2), ("broken", 0.1)];

    public static IEnumerable<Fault> All =>
    [
        new(
            "O01", $"{Parked} messages parked for four causes; the workers are killed in turn while an operator releases one group",
            "four groups; the group is released at the rate asked for; each event is applied once", ReleasedAsync),
    ];

    private static async Task<string> ReleasedAsync(FaultContext context)
    {
        var lab = context.Lab;
        await using var subscriber = await Subscriber.StartAsync(context);
        await using var operations = await Operator.StartAsync(context);
        var jobs = Causes.SelectMany(one => Enumerable.Range(0, context.Scaled((int)(Parked * one.Share))).Select(i => $"{one.Cause} {i}")).ToArray();
        await ParkAsync(context, jobs);

        var parked = await operations.GetAsync("/ops/parked?place=error");
        var groups = parked.GetProperty("groups").EnumerateArray().Select(group => Group.From(group)).ToArray();
        Expect(
            groups.Length == Causes.Length && Causes.All(one => groups.Count(group => group.Cause.Contains(one.Cause, StringComparison.Ordinal)) == 1),
            $"the groups are not the causes: {parked}");
        var preview = 0L;
        foreach (var group in groups)
        {
            await ReturnedAsync(context, jobs.Length);
            preview += Count(await operations.PostAsync("/ops/parked/release", new { place = "error", group = group.Name, preview = true }));
        }

        Expect(preview == jobs.Length, $"the previews count {preview} of {jobs.Length} messages");
        await ReturnedAsync(context, jobs.Length);
        var (took, kills) = await ReleaseAndKillAsync(context, operations, groups[0]);
        await AppliedAsync(context, subscriber, groups[0].Count);
        await ReturnedAsync(context, jobs.Length - groups[0].Count);

        foreach (var group in groups[1..])
        {
            await ReleaseAsync(operations, group, perSecond: 10_000);
            await ReturnedAsync(context, 0, atMost: jobs.Length);
        }

        await AppliedAsync(context, subscriber, jobs.Length);
        await ReturnedAsync(context, 0);
        await context.ExpectRebuildIsCleanAsync();
        return $"{jobs.Length} parked in {groups.Length} groups; {groups[0].Count} released in {took.TotalSeconds:0.0} s with {kills} kills, then the others; each applied once";
    }

    /// <summary>Has an event of each job refused until all are parked.</summary>
    private static async Task ParkAsync(FaultContext context, string[] jobs)
    {
        await context.Lab.ExecuteAsync(
            $"""
            create function refuse() returns trigger language plpgsql as $$
            begin
                raise exception 'job % is refused: it is %', new.job_id, split_part(new.job_id, ' ', 1);
            end $$;
            create trigger refuse before insert on webhook_events for each row
            when (split_part(new.job_id, ' ', 1) in ({string.Join(", ", Causes.Select(one => $"'{one.Cause}'"))})) execute function refuse();
            """,
            context.Cancel);
        await context.SendAllAsync(jobs.Select(job => NewEvent(jobId: job).Body));
        await ReturnedAsync(context, jobs.Length);
        await context.Lab.ExecuteAsync("drop function refuse() cascade", context.Cancel);
    }

    /// <summary>Messages that were read and not taken return once the broker notices that the channel is closed.</summary>
    private static Task ReturnedAsync(FaultContext context, long parked, long? atMost = null) => context.UntilAsync(
        $"{parked} are parked",
        async () => await context.Lab.CountParkedAsync(context.Cancel) is var count && count >= parked && count <= (atMost ?? parked),
        TimeSpan.FromMinutes(5));

    private static async Task<(TimeSpan Took, int Kills)> ReleaseAndKillAsync(FaultContext context, Operator operations, Group group)
    {
        var perSecond = Math.Max(1, (int)(group.Count / context.Scaled(60, atLeast: 10).TotalSeconds));
        var began = Stopwatch.GetTimestamp();
        var releasing = ReleaseAsync(operations, group, perSecond);
        var kills = 0;
        for (; !releasing.IsCompleted; kills++)
        {
            var worker = context.Lab.Workers[kills % context.Lab.Workers.Count];
            await worker.KillAsync(context.Cancel);
            await worker.StartAsync(context.Cancel);
        }

        await releasing;
        var took = Stopwatch.GetElapsedTime(began);
        var least = TimeSpan.FromSeconds(0.9 * (group.Count - perSecond) / perSecond);
        Expect(took >= least, $"{group.Count} messages were released in {took.TotalSeconds:0.0} s: faster than {perSecond} per second");
        return (took, kills);
    }

    private static async Task ReleaseAsync(Operator operations, Group group, int perSecond)
    {
        var request = new { place = "error", group = group.Name, reason = "the cause is gone", perSecond };
        var released = 0L;
        JsonElement result;
        do
        {
            result = await operations.PostAsync("/ops/parked/release", request);
            released += Count(result);
        }
        while (!result.GetProperty("isComplete").GetBoolean());
        Expect(released == group.Count, $"{released} of {group.Count} messages were released");
    }

    /// <summary>So many jobs are completed, and each has one domain event.</summary>
    private static async Task AppliedAsync(FaultContext context, Subscriber subscriber, long count)
    {
        var jobs = $"split_part(magic_hour_id, ' ', 1) in ({string.Join(", ", Causes.Select(one => $"'{one.Cause}'"))})";
        await context.UntilAsync(
            $"{count} jobs are completed",
            async () => await context.Lab.QueryAsync<long>($"select count(*) from jobs where status = 'completed' and {jobs}", context.Cancel) == count,
            TimeSpan.FromMinutes(2));
        DomainEvent[] Heard() => [.. subscriber.Deliveries.Keys.Where(one => Causes.Any(cause => one.JobId.StartsWith($"{cause.Cause} ", StringComparison.Ordinal)))];
        await context.UntilAsync("each has a domain event", () => Task.FromResult(Heard().DistinctBy(one => one.JobId).LongCount() == count));
        Expect(Heard().Length == count, $"{Heard().Length} domain events for {count} jobs");
    }

    private static long Count(JsonElement result) => result.GetProperty("count").GetInt64();

    private sealed record Group(string Name, string Cause, long Count)
    {
        public static Group From(JsonElement group) =>
            new(group.GetProperty("group").GetString()!, group.GetProperty("cause").GetString()!, group.GetProperty("count").GetInt64());
    }
}
