using Platform.Contracts;
using Processor.Worker.Jobs;

namespace Processor.Worker.Tests;

/// <summary>Domain events for other services: one for each step forward, and never a step back.</summary>
public sealed class JobTransitionTests
{
    [Fact]
    public void Each_step_forward_is_published() =>
        Assert.Equal(["JobStarted", "JobCompleted"], DomainEvents([], Fact("started", 0), Fact("completed", 1)));

    [Fact]
    public void An_event_after_a_greater_status_publishes_nothing() =>
        Assert.Equal(["JobCompleted"], DomainEvents([], Fact("completed", 0), Fact("started", 1), Fact("errored", 2)));

    [Fact]
    public void How_messages_are_grouped_changes_nothing()
    {
        JobFact[] facts = [Fact("started", 0), Fact("errored", 1), Fact("completed", 2)];

        var together = DomainEvents([], facts);
        var apart = facts.SelectMany((fact, i) => DomainEvents(facts[..i], fact));

        Assert.Equal(["JobStarted", "JobFailed", "JobCompleted"], together);
        Assert.Equal(together, apart);
    }

    [Fact]
    public void A_canceled_job_is_published_and_notified_unless_its_end_is_known()
    {
        var canceled = Assert.Single(JobTransition.Between("j", [Fact("started", 0)], [(Guid.NewGuid(), Fact("canceled", 1) with { DeletedAt = Deliveries.Noon })]));

        Assert.True(canceled.IsEnd);
        Assert.True(Assert.IsType<JobCanceled>(canceled.ToDomainEvent()).IsDeleted);
        Assert.Empty(DomainEvents([Fact("completed", 0)], Fact("canceled", 1)));
        Assert.Empty(DomainEvents([Fact("errored", 0)], Fact("canceled", 1)));
    }

    [Fact]
    public void A_completed_after_a_failed_says_that_it_corrects()
    {
        var domainEvent = Assert.Single(JobTransition.Between("j", [Fact("errored", 0)], [(Guid.NewGuid(), Fact("completed", 1))])).ToDomainEvent();

        Assert.True(Assert.IsType<JobCompleted>(domainEvent).CorrectsFailure);
    }

    [Fact]
    public void A_notification_carries_what_the_event_says()
    {
        var fact = Fact("completed", 1) with
        {
            ProjectType = "TEXT_TO_VIDEO",
            Name = "A",
            CreditsCharged = 240,
            Offers = [new Download("https://v/1.mp4", "2026-11-24T12:00:00.000Z", Deliveries.Noon, 0), new Download("https://v/2.mp4", "soon", Deliveries.Noon, 1), new Download("https://v/3.mp4", "0001-01-01T00:00:00Z", Deliveries.Noon, 2)],
        };

        var domainEvent = Assert.IsType<JobCompleted>(Assert.Single(JobTransition.Between("j", [], [(Guid.NewGuid(), fact)])).ToDomainEvent());

        Assert.Equal(("j", "video", "TEXT_TO_VIDEO", "A", 240L, false), (domainEvent.JobId, domainEvent.Resource, domainEvent.ProjectType, domainEvent.Name, domainEvent.CreditsCharged, domainEvent.CorrectsFailure));
        Assert.Equal(
            [new JobDownload("https://v/1.mp4", Deliveries.Noon.AddDays(1)), new JobDownload("https://v/2.mp4", null), new JobDownload("https://v/3.mp4", null)],
            domainEvent.Downloads);
    }

    private static string[] DomainEvents(JobFact[] known, params JobFact[] added) =>
        [.. JobTransition.Between("j", known, added.Select(fact => (Guid.NewGuid(), fact))).Select(transition => transition.ToDomainEvent().GetType().Name)];

    private static JobFact Fact(string action, int second)
    {
        var received = Deliveries.Event($"video.{action}", "j", Deliveries.Noon.AddSeconds(second));
        return JobPayload.Read(received.EventType, received.ReceivedAt, received.Body)!;
    }
}
