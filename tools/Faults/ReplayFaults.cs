using System.Diagnostics;
using System.Text.Json;
using Npgsql;
using static Platform.Faults.FaultContext;

namespace Platform.Faults;

/// <summary>An operator replays many events while workers die and new events arrive.</summary>
internal static class ReplayFaults
{
    private const int Replayed = 100_000;
    private const int PerSecond = 1000;
    private const double LiveRate = 200;

    private static readonly TimeSpan PatienceForRestarts = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan PatienceForEvents = TimeSpan.FromMinutes(10);

    public static IEnumerable<Fault> All =>
    [
        new(
            "O02", $"kill -9 the workers twice during a replay of {Replayed} events at {PerSecond} per second, beside {LiveRate:0} new ones per second",
            "subscribers get each domain event again, under the id that they know, no faster than asked for; a replay can be stopped", ReplayedAsync)
        {
            Patience = TimeSpan.FromMinutes(30),
        },
    ];

    private static async Task<string> ReplayedAsync(FaultContext context)
    {
        var lab = context.Lab;
        await using var subscriber = await Subscriber.StartAsync(context);
        await using var operations = await Operator.StartAsync(context);
        var run = new ReplayRun(context, subscriber, operations, $"replayed-{Guid.NewGuid():N}-", context.Scaled(Replayed));
        await run.PrepareAsync();

        var quiet = await context.StormAsync(context.Scaled(4000), LiveRate, () => Task.CompletedTask);
        var without = await run.MeasureAsync(quiet, DateTimeOffset.MaxValue);
        DateTimeOffset killedAt = default;
        var watch = Stopwatch.StartNew();
        var live = await context.StormAsync(context.Scaled(20_000), LiveRate, async () =>
        {
            watch.Restart();
            var id = await run.StartAsync(PerSecond);
            await run.ReachesAsync(id, 0.5);
            killedAt = TimeProvider.System.GetUtcNow();
            await KillAsync(context);
            await run.ReachesAsync(id, 0.75);
            await KillAsync(context);
            await run.ReachesAsync(id, 1);
            watch.Stop();
        });
        var least = TimeSpan.FromSeconds(0.9 * run.Count / PerSecond);
        Expect(watch.Elapsed >= least, $"{run.Count} events were replayed in {watch.Elapsed.TotalSeconds:0.0} s: faster than {PerSecond} per second");
        Expect(watch.Elapsed <= (2 * least) + PatienceForRestarts, $"{run.Count} events were replayed in {watch.Elapsed.TotalSeconds:0.0} s: far slower than {PerSecond} per second");
        ExpectNothingParked(live);
        var with = await run.MeasureAsync(live, killedAt);
        var repeated = await run.ExpectHeardAgainAsync();
        var stoppedAt = await run.StopAsync();
        return $"{run.Count} replayed in {watch.Elapsed.TotalSeconds:0} s, {repeated} of them more than once; "
            + $"new events committed after {with.TotalMilliseconds:0} ms (p99) beside it, {without.TotalMilliseconds:0} ms without; another stopped after {stoppedAt}; {live}";
    }

    private static async Task KillAsync(FaultContext context)
    {
        await Task.WhenAll(context.Lab.Workers.Select(worker => worker.KillAsync(context.Cancel)));
        await context.Lab.RepairAsync(context.Cancel);
    }

    /// <summary>The events that are replayed.</summary>
    private sealed class ReplayRun(FaultContext context, Subscriber subscriber, Operator operations, string prefix, int count)
    {
        private readonly DateTimeOffset _from = TimeProvider.System.GetUtcNow();
        private DateTimeOffset _to;

        public int Count => count;

        /// <summary>Has all events applied and published for the first time.</summary>
        public async Task PrepareAsync()
        {
            await context.SendAllAsync(Enumerable.Range(0, count).Select(i => NewEvent(jobId: $"{prefix}{i}").Body));
            await context.UntilAsync("all are published", () => Task.FromResult(Heard().Count() >= count), PatienceForEvents);
            _to = TimeProvider.System.GetUtcNow();
        }

        public async Task<Guid> StartAsync(int perSecond)
        {
            var filter = new { type = "video.completed", from = _from, to = _to };
            var replay = await operations.PostAsync("/ops/replays", new { filter, reason = "a subscriber lost them", perSecond });
            return replay.GetProperty("id").GetGuid();
        }

        /// <summary>Waits until a replay has published a share of the events.</summary>
        public Task ReachesAsync(Guid id, double share) => context.UntilAsync(
            $"{share:0%} are replayed", async () => Published(await ShowAsync(id)) >= share * count, PatienceForEvents);

        /// <summary>Subscribers got every event again, and none under another id.</summary>
        /// <returns>How many they got a third time, because a worker was killed between publishing and recording it.</returns>
        public async Task<int> ExpectHeardAgainAsync()
        {
            await context.UntilAsync("all are heard again", () => Task.FromResult(Heard().Count(one => one.Value > 1) >= count), PatienceForEvents);
            Expect(Heard().Count() == count, $"{Heard().Count()} ids for {count} domain events");
            return Heard().Count(one => one.Value > 2);
        }

        /// <summary>Stops another replay.</summary>
        /// <returns>The events that it had published.</returns>
        public async Task<long> StopAsync()
        {
            var id = await StartAsync(perSecond: 50);
            await context.UntilAsync("it has begun", async () => Published(await ShowAsync(id)) > 0);
            var stopped = await operations.PostAsync($"/ops/replays/{id}/stop", new { });
            Expect(stopped.GetProperty("status").GetString() == "stopped", $"it did not stop: {stopped}");
            await context.WaitAsync(TimeSpan.FromSeconds(2));
            var published = Published(await ShowAsync(id));
            Expect(published < count && published == Published(stopped), $"{published} of {count} events were published by a replay stopped after {Published(stopped)}");
            return published;
        }

        /// <summary>The time from receipt to commit that 99 % of a storm's events, received until some time, needed at most.</summary>
        public async Task<TimeSpan> MeasureAsync(StormReport storm, DateTimeOffset until)
        {
            await using var command = context.Lab.Database.CreateCommand(
                """
                select percentile_cont(0.99) within group (order by processed_at - received_at)
                from webhook_events where job_id like $1 and received_at < $2 and origin = 'live'
                """);
            command.Parameters.AddWithValue(storm.Ledger.JobIdPrefix + "%");
            command.Parameters.Add(new NpgsqlParameter<DateTime> { TypedValue = until.UtcDateTime });
            return (TimeSpan)(await command.ExecuteScalarAsync(context.Cancel))!;
        }

        private IEnumerable<KeyValuePair<DomainEvent, int>> Heard() =>
            subscriber.Deliveries.Where(one => one.Key.JobId.StartsWith(prefix, StringComparison.Ordinal));

        private Task<JsonElement> ShowAsync(Guid id) => operations.GetAsync($"/ops/replays/{id}");

        private static long Published(JsonElement replay) => replay.GetProperty("published").GetInt64();
    }
}
