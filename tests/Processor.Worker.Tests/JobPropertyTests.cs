using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Platform.Contracts;
using Processor.Worker.Events;
using Processor.Worker.Inbox;
using Processor.Worker.Jobs;

namespace Processor.Worker.Tests;

/// <summary>
/// Any multiset of events, in any order and split into any groups, gives the same job as a plain fold over the set. The fold is written
/// from the rules, independently of the code.
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

        Assert.Equal(PlainFold.FromDeliveries(arrivals.All), store.Jobs);
    }

    [Property(MaxTest = 500, Arbitrary = [typeof(Arbitraries)])]
    public void A_transition_is_published_at_most_once(Arrivals arrivals)
    {
        var store = new MemoryStore();
        foreach (var group in arrivals.Groups)
        {
            store.Commit(group);
        }

        Assert.Equal(store.Published.Count, store.Published.Distinct().Count());
        Assert.All(
            store.Published.GroupBy(published => published.JobId),
            job => Assert.Equal(job.Select(published => published.Status).Order(), job.Select(published => published.Status)));
    }

    /// <summary>An in-memory substitute for the database that applies the same plans.</summary>
    private sealed class MemoryStore
    {
        private readonly HashSet<Guid> _inbox = [];
        private readonly Dictionary<Guid, KnownEvent> _events = [];
        private readonly Dictionary<string, Job> _jobs = [];

        public SortedDictionary<string, string> Jobs =>
            new(_jobs.ToDictionary(job => job.Key, job => PlainFold.Print(job.Value)), StringComparer.Ordinal);

        public List<(string JobId, JobStatus Status)> Published { get; } = [];

        public void Commit(IReadOnlyList<WebhookReceived> group)
        {
            // As in the committer: a second unit of work of the same message waits for the next group.
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
            var plan = new GroupPlan(units, claimed, erased: [], _events.Values.Where(known => jobIds.Contains(known.JobId)), Deliveries.Noon);
            foreach (var added in plan.Events)
            {
                var fact = added.Fact is null ? null : JobFact.FromJson(added.Fact);
                Assert.True(_events.TryAdd(added.EventId, new KnownEvent(added.EventId, added.JobId, fact, [added.BodySha256], added.TraceId)));
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

            Published.AddRange(plan.Outbox.Select(message => (
                units.Single(unit => unit.MessageId == message.MessageId).Event!.JobId,
                units.Single(unit => unit.MessageId == message.MessageId).Fact!.Status)));
        }
    }
}
