using System.Text;
using Platform.Contracts;
using Platform.Tests;
using Processor.Worker.Jobs;
using Processor.Worker.Reconciliation;

namespace Processor.Worker.Tests;

/// <summary>What follows from a finding: an event, and the next check.</summary>
public sealed class CheckDecisionTests
{
    private static readonly DateTimeOffset Now = Deliveries.Noon.AddMinutes(10);

    [Theory]
    [InlineData("complete", JobStatus.Rendering, "video.completed")]
    [InlineData("error", JobStatus.Rendering, "video.errored")]
    [InlineData("canceled", JobStatus.Queued, "video.canceled")]
    [InlineData("rendering", JobStatus.Queued, "video.started")]
    internal void An_event_that_is_missing_is_published_under_the_identity_of_the_webhook(string status, JobStatus known, string eventType)
    {
        var project = ScriptedMagicHour.Project("j", status, ""","downloads":[{"url":"https://v/1.mp4"}]""");

        var decision = Decide(Reconciling.Due(known), Read(project));

        var found = Assert.IsType<WebhookReceived>(decision.Event);
        Assert.Equal((EventIdentity.Create(eventType, "j"), eventType, "j", Origins.Reconcile), (found.EventId, found.EventType, found.JobId, found.Origin));
        Assert.Equal($$"""{"type":"{{eventType}}","payload":{{project}}}""", Encoding.UTF8.GetString(found.Body.Span));
        Assert.Equal((CheckState.Waiting, eventType), (decision.Next.State, decision.Next.Reported));
        Assert.NotNull(Deliveries.Unit(found).Fact);
    }

    [Theory]
    [InlineData("queued", JobStatus.Queued)]
    [InlineData("rendering", JobStatus.Rendering)]
    [InlineData("queued", JobStatus.Rendering)]
    [InlineData("draft", JobStatus.Queued)]
    [InlineData("complete", JobStatus.Rendering)]
    internal void Without_news_it_is_asked_again_ever_less_often(string status, JobStatus known)
    {
        var due = Reconciling.Due(known);
        var gaps = new List<double>();
        for (var i = 0; i < 8; i++)
        {
            var decision = Decide(due, Read(ScriptedMagicHour.Project("j", status)));
            Assert.Null(decision.Event);
            gaps.Add((decision.Next.NextCheckAt - Now).TotalMinutes);
            due = due with { Check = decision.Next };
        }

        Assert.Equal([0.5, 1, 2, 5, 10, 30, 60, 60], gaps);
    }

    [Fact]
    public void After_48_hours_without_an_end_it_is_given_up()
    {
        var running = Read(ScriptedMagicHour.Project("j", "rendering"));

        Assert.Equal(CheckState.Waiting, Decide(Reconciling.Due(), running, Deliveries.Noon.AddHours(48).AddSeconds(-1)).Next.State);
        Assert.Equal(CheckState.GivenUp, Decide(Reconciling.Due(), running, Deliveries.Noon.AddHours(48)).Next.State);
    }

    [Fact]
    public void An_end_that_is_found_after_48_hours_is_published_and_given_up_only_when_that_has_no_effect()
    {
        var completed = Read(ScriptedMagicHour.Completed("j"));
        var late = Deliveries.Noon.AddDays(5);

        var first = Decide(Reconciling.Due(), completed, late);
        var second = Decide(Reconciling.Due() with { Check = first.Next }, completed, late.AddHours(1));

        Assert.Equal((CheckState.Waiting, CheckState.GivenUp), (first.Next.State, second.Next.State));
        Assert.Equal(first.Event!.EventId, second.Event!.EventId);
    }

    [Fact]
    public void An_outage_of_the_API_gives_no_job_up()
    {
        var late = Deliveries.Noon.AddDays(5);

        var one = Decide(Reconciling.Due(), new Finding(FindingKind.Unavailable), late);
        var many = Decide(new DueCheck(Reconciling.Check with { Failures = 6 }, JobStatus.Rendering), new Finding(FindingKind.Unavailable), late);

        Assert.Equal((CheckState.Waiting, 0, 1), (one.Next.State, one.Next.Attempts, one.Next.Failures));
        Assert.Equal(CheckState.GivenUp, many.Next.State);
    }

    [Fact]
    public void The_time_that_the_API_asks_for_is_respected()
    {
        var throttled = Finding.From(new ProjectAnswer(429, default) { RetryAfter = TimeSpan.FromMinutes(7) }, "j");

        Assert.Equal(Now.AddMinutes(7), Decide(Reconciling.Due(), throttled).Next.NextCheckAt);
    }

    [Fact]
    public void A_job_that_is_not_found_is_believed_to_be_deleted_after_five_answers_over_an_hour()
    {
        var notFound = new Finding(FindingKind.NotFound);
        var due = Reconciling.Due();
        var now = Now;
        for (var i = 0; i < 7; i++)
        {
            var asked = Decide(due, notFound, now);
            Assert.Null(asked.Event);
            (due, now) = (due with { Check = asked.Next }, asked.Next.NextCheckAt);
        }

        var decision = Decide(due, notFound, now);

        Assert.InRange(now - Now, TimeSpan.FromHours(1), TimeSpan.FromHours(2));
        var fact = Deliveries.Unit(decision.Event!).Fact!;
        Assert.Equal(("video.canceled", JobStatus.Canceled, now), (decision.Event!.EventType, fact.Status, fact.DeletedAt));
        Assert.Equal("""{"type":"video.canceled","payload":{"id":"j","enabled":false}}""", Encoding.UTF8.GetString(decision.Event.Body.Span));
    }

    [Fact]
    public void Four_answers_are_not_enough_however_long_they_take()
    {
        var due = new DueCheck(Reconciling.Check with { NotFound = 3, NotFoundSince = Deliveries.Noon.AddHours(-5) }, JobStatus.Rendering);

        Assert.Null(Decide(due, new Finding(FindingKind.NotFound)).Event);
    }

    [Fact]
    public void Any_other_answer_restarts_the_count_and_an_outage_does_not()
    {
        var due = new DueCheck(Reconciling.Check with { NotFound = 4, NotFoundSince = Deliveries.Noon }, JobStatus.Rendering);

        var running = Decide(due, Read(ScriptedMagicHour.Project("j", "rendering"))).Next;
        var outage = Decide(due, new Finding(FindingKind.Unavailable)).Next;

        Assert.Equal((0, null), (running.NotFound, running.NotFoundSince));
        Assert.Equal((4, Deliveries.Noon), (outage.NotFound, outage.NotFoundSince));
    }

    [Fact]
    public void A_key_that_has_found_no_job_at_all_does_not_delete_any()
    {
        var due = new DueCheck(Reconciling.Check with { NotFound = 50, NotFoundSince = Deliveries.Noon.AddHours(-50) }, JobStatus.Rendering);

        var decision = CheckDecision.From(due, new Finding(FindingKind.NotFound), "video", isKeyProven: false, Reconciling.Schedule, Now);

        Assert.Null(decision.Event);
    }

    [Fact]
    public void An_id_that_the_API_refuses_is_parked() =>
        Assert.Equal(CheckState.Parked, Decide(Reconciling.Due(), new Finding(FindingKind.Refused)).Next.State);

    [Fact]
    public void The_kind_that_has_answered_is_the_kind_from_then_on()
    {
        var decision = CheckDecision.From(
            Reconciling.Due(JobStatus.Queued), Read(ScriptedMagicHour.Completed("j")), "image", isKeyProven: true, Reconciling.Schedule, Now);

        Assert.Equal(("image", "image.completed"), (decision.Next.Kind, decision.Event!.EventType));
    }

    [Fact]
    public void A_job_that_failed_and_is_complete_at_Magic_Hour_is_corrected()
    {
        var decision = Decide(Reconciling.Due(JobStatus.Failed), Read(ScriptedMagicHour.Completed("j")));

        Assert.Equal(("video.completed", 1), (decision.Event!.EventType, decision.Next.Attempts));
    }

    [Theory]
    [InlineData("error")]
    [InlineData("canceled")]
    [InlineData("rendering")]
    [InlineData("complete")]
    [InlineData("paused")]
    internal void Any_other_answer_about_a_failed_job_changes_nothing_and_is_the_last(string status)
    {
        var decision = Decide(Reconciling.Due(JobStatus.Failed), Read(ScriptedMagicHour.Project("j", status)));

        Assert.Null(decision.Event);
        Assert.Equal((CheckState.Waiting, 1, Now + Reconciling.Schedule.FailedFor), (decision.Next.State, decision.Next.Attempts, decision.Next.NextCheckAt));
    }

    [Fact]
    public void A_failed_job_that_is_not_found_or_refused_stays_failed()
    {
        var due = new DueCheck(Reconciling.Check with { NotFound = 50, NotFoundSince = Deliveries.Noon.AddHours(-50) }, JobStatus.Failed);

        Assert.Null(Decide(due, new Finding(FindingKind.NotFound)).Event);
        Assert.Equal(CheckState.Waiting, Decide(due, new Finding(FindingKind.Refused)).Next.State);
    }

    [Fact]
    public void An_outage_is_no_answer_about_a_failed_job()
    {
        var decision = Decide(Reconciling.Due(JobStatus.Failed), new Finding(FindingKind.Unavailable));

        Assert.Equal((0, 1, Now.AddSeconds(30)), (decision.Next.Attempts, decision.Next.Failures, decision.Next.NextCheckAt));
    }

    private static Finding Read(string project) => Finding.From(new ProjectAnswer(200, Encoding.UTF8.GetBytes(project)), "j");

    private static CheckDecision Decide(DueCheck due, Finding finding, DateTimeOffset? now = null) =>
        CheckDecision.From(due, finding, due.Check.Kind, isKeyProven: true, Reconciling.Schedule, now ?? Now);
}
