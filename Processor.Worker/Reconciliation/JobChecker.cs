using Platform.ServiceDefaults.Logging;

namespace Processor.Worker.Reconciliation;

/// <summary>
/// Asks Magic Hour's API about one job, and publishes what no webhook has reported. An answer is published first and recorded second: if the
/// process dies in between, it is published again, under the same identity.
/// </summary>
internal sealed partial class JobChecker(
    JobChecks checks,
    MagicHourApi api,
    MagicHourKey key,
    AskingPause pause,
    AnswerReview review,
    CheckSchedule schedule,
    FindingPublisher publisher,
    ProcessorMetrics metrics,
    TimeProvider time,
    ILogger<JobChecker> logger)
{
    /// <summary>Checks one job. Never throws: a check that is not recorded is still due.</summary>
    public async Task CheckAsync(DueCheck due, CancellationToken cancellationToken)
    {
        try
        {
            if (!await TryCheckAsync(due, cancellationToken))
            {
                // The next attempt is for another job, since this one may be the cause.
                await checks.RecordAsync(due.Check with { NextCheckAt = time.GetUtcNow() + schedule.GapAfter(1) }, cancellationToken);
            }
        }
        catch (Exception exception)
        {
            if (!cancellationToken.IsCancellationRequested)
            {
                pause.Fail(retryAfter: null);
                LogFailed(logger, exception, ShownText.Name(due.Check.JobId));
            }
        }
    }

    /// <returns>False when the check is still due.</returns>
    private async Task<bool> TryCheckAsync(DueCheck due, CancellationToken cancellationToken)
    {
        if (pause.IsOn || key.Current is not { } current)
        {
            return false;
        }

        var (kind, finding) = await FindAsync(due, current, cancellationToken);
        if (!review.Accept(finding, current))
        {
            return false;
        }

        var decision = CheckDecision.From(due, finding, kind, review.IsProven(current), schedule, time.GetUtcNow());
        if (decision.Event is { } found && !await publisher.TryPublishAsync(found, cancellationToken))
        {
            return false;
        }

        await checks.RecordAsync(decision.Next, cancellationToken);
        Report(decision, due, finding);
        return true;
    }

    /// <returns>The finding, and the kind whose path gave it.</returns>
    private async Task<(string Kind, Finding Finding)> FindAsync(DueCheck due, string current, CancellationToken cancellationToken)
    {
        var (jobId, kind) = (due.Check.JobId, due.Check.Kind);
        if (!MagicHourApi.IsId(jobId))
        {
            return (kind, new Finding(FindingKind.Refused));
        }

        var finding = await AskAsync(kind);
        // Once: on the first 404 only.
        if (finding.Kind is not FindingKind.NotFound || !due.IsKindClaimed || due.Check.NotFound > 0)
        {
            return (kind, finding);
        }

        foreach (var other in MagicHourApi.Kinds.Where(other => other != kind))
        {
            if (await AskAsync(other) is { Kind: not FindingKind.NotFound } answer)
            {
                return answer.IsDescribed ? (other, answer) : (kind, answer);
            }
        }

        return (kind, finding);

        async Task<Finding> AskAsync(string path) => Finding.From(await api.GetAsync(path, jobId, current, isUrgent: false, cancellationToken), jobId);
    }

    private void Report(CheckDecision decision, DueCheck due, Finding finding)
    {
        if (decision.Event is { } missed && missed.EventType != due.Check.Reported)
        {
            metrics.EventMissed(missed.EventType);
            LogMissed(logger, missed.EventType, ShownText.Name(missed.JobId));
        }

        if (decision.Next.State is not CheckState.Waiting)
        {
            LogClosed(logger, ShownText.Name(due.Check.JobId), decision.Next.State.Name(), finding.Kind.Name());
        }
        else if (finding.Kind is FindingKind.Unknown or FindingKind.Incomplete && due.Check.LastAnswer != finding.Kind.Name())
        {
            LogOdd(logger, ShownText.Name(due.Check.JobId), finding.Kind.Name());
        }
    }

    [LoggerMessage(LogLevel.Warning, "Could not check job {JobId}; it is still due")]
    private static partial void LogFailed(ILogger logger, Exception exception, string jobId);

    [LoggerMessage(LogLevel.Information, "No webhook had reported {EventType} of job {JobId}")]
    private static partial void LogMissed(ILogger logger, string eventType, string jobId);

    [LoggerMessage(LogLevel.Warning, "Job {JobId} is no longer checked ({State}): the last answer of Magic Hour's API was {Answer}")]
    private static partial void LogClosed(ILogger logger, string jobId, string state, string answer);

    [LoggerMessage(LogLevel.Warning, "Magic Hour's API says {Answer} of job {JobId}, which is not an end; checks continue")]
    private static partial void LogOdd(ILogger logger, string jobId, string answer);
}
