using Platform.Contracts;
using Processor.Worker.Jobs;

namespace Processor.Worker.Reconciliation;

/// <summary>The consequence of a finding: what to publish about the job, and when to check it again. Pure.</summary>
/// <param name="Event">Null when there is nothing new.</param>
internal sealed record CheckDecision(JobCheck Next, WebhookReceived? Event)
{
    /// <summary>Number of 404 answers, spread over <see cref="CheckSchedule.NotFoundFor"/>, before a job counts as not found.</summary>
    public const int NotFoundTimes = 5;

    /// <summary>Every type of event that may be published.</summary>
    public static IReadOnlyList<string> EventTypes { get; } =
        [.. MagicHourApi.Kinds.SelectMany(kind => new[] { "started", "completed", "errored", "canceled" }.Select(action => $"{kind}.{action}"))];

    // 48 minutes with the growing gaps: an outage of the API must not look like a job without an answer.
    private const int FailuresToGiveUp = 7;

    /// <param name="kind">The kind whose path gave the answer.</param>
    /// <param name="isKeyProven">
    /// The key has found some job. Otherwise it may belong to another account, which finds none: believing that would cancel every job.
    /// </param>
    public static CheckDecision From(
        DueCheck due, Finding finding, string kind, bool isKeyProven, CheckSchedule schedule, DateTimeOffset now)
    {
        var counted = Count(due.Check with { Kind = kind }, finding, now);
        if (due.Status is JobStatus.Failed && !finding.IsOutage)
        {
            return Confirm(counted, finding, schedule, now);
        }

        if (finding.Kind is FindingKind.Refused)
        {
            return new CheckDecision(counted with { State = CheckState.Parked, NextCheckAt = now }, null);
        }

        var isGone = finding.Kind is FindingKind.NotFound && isKeyProven && counted.NotFound >= NotFoundTimes
            && now - counted.NotFoundSince >= schedule.NotFoundFor;
        var found = isGone ? ReconciledEvent.CreateDeleted(kind, due.Check.JobId, now)
            : FindAction(finding.Kind, due.Status) is { } action ? ReconciledEvent.Create($"{kind}.{action}", due.Check.JobId, finding.Project, now)
            : null;
        var isOver = now - counted.Since >= schedule.Lifetime && (!finding.IsOutage || counted.Failures >= FailuresToGiveUp)
            && (found is null || found.EventType == due.Check.Reported || finding.Kind is FindingKind.Rendering);
        return new CheckDecision(
            counted with
            {
                State = isOver ? CheckState.GivenUp : CheckState.Waiting,
                NextCheckAt = now + FindGap(counted, finding, schedule),
                Reported = found?.EventType ?? counted.Reported,
            },
            found);
    }

    /// <summary>
    /// Only a completion changes a failed job: it corrects the failure. No other answer outweighs the event of the failure.
    /// </summary>
    private static CheckDecision Confirm(JobCheck counted, Finding finding, CheckSchedule schedule, DateTimeOffset now)
    {
        var found = finding.Kind is FindingKind.Completed
            ? ReconciledEvent.Create($"{counted.Kind}.completed", counted.JobId, finding.Project, now)
            : null;
        // The row stays as long as the job could be planned again.
        return new CheckDecision(counted with { NextCheckAt = now + schedule.FailedFor, Reported = found?.EventType ?? counted.Reported }, found);
    }

    private static JobCheck Count(JobCheck check, Finding finding, DateTimeOffset now) => finding switch
    {
        { IsOutage: true } => check with { Failures = check.Failures + 1, LastAnswer = finding.Kind.Name() },
        { Kind: FindingKind.NotFound } => check with
        {
            Attempts = check.Attempts + 1,
            Failures = 0,
            NotFound = check.NotFound + 1,
            NotFoundSince = check.NotFoundSince ?? now,
            LastAnswer = finding.Kind.Name(),
        },
        _ => check with { Attempts = check.Attempts + 1, Failures = 0, NotFound = 0, NotFoundSince = null, LastAnswer = finding.Kind.Name() },
    };

    private static string? FindAction(FindingKind finding, JobStatus status) => finding switch
    {
        FindingKind.Rendering when status is JobStatus.Queued => "started",
        FindingKind.Completed => "completed",
        FindingKind.Failed => "errored",
        FindingKind.Canceled => "canceled",
        _ => null,
    };

    private static TimeSpan FindGap(JobCheck counted, Finding finding, CheckSchedule schedule)
    {
        var gap = schedule.GapAfter(finding.IsOutage ? counted.Failures : counted.Attempts);
        return finding.RetryAfter > gap ? finding.RetryAfter.Value : gap;
    }
}
