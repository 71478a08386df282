using Processor.Worker.Inbox;

namespace Processor.Worker.Tests;

/// <summary>What a plan allocates is collected later, at the expense of the events that follow.</summary>
public sealed class PlanAllocationTests
{
    private const int Events = 200;

    // 2,600 bytes in November 2026, of which the rows are most; LINQ over each job's events took three times as much.
    private const int MostBytesPerEvent = 4000;

    [Fact]
    public void The_plan_of_an_event_needs_little_memory()
    {
        var units = Enumerable.Range(0, Events)
            .Select(i => Deliveries.Unit(Deliveries.Event(
                $$"""{"type":"video.{{(i % 2 == 0 ? "started" : "completed")}}","payload":{"id":"job-{{i / 2}}","name":"A","downloads":[{"url":"https://v/{{i}}.mp4?signature={{new string('a', 500)}}","expires_at":"2026-11-25T12:00:00.000Z"}]} }""")))
            .ToArray();
        Plan(units);

        var before = GC.GetAllocatedBytesForCurrentThread();
        var plan = Plan(units);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal((Events, Events / 2, Events), (plan.Events.Count, plan.Jobs.Count, plan.Outbox.Count));
        Assert.InRange(allocated / Events, 0, MostBytesPerEvent);
    }

    private static GroupPlan Plan(UnitOfWork[] units) => new(units, [.. units.Select(unit => unit.MessageId)], erased: [], known: [], Deliveries.Noon);
}
