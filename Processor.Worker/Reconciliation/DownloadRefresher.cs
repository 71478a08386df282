using Platform.Contracts;
using Platform.ServiceDefaults.Logging;
using Processor.Worker.Downloads;
using Processor.Worker.Jobs;

namespace Processor.Worker.Reconciliation;

/// <summary>
/// Answers requests for fresh URLs (<see cref="DownloadRefreshes"/>): the API issues new ones for each question. The answer is published as a
/// variant of the job's <c>*.completed</c>, and only then written to the request.
/// </summary>
internal sealed partial class DownloadRefresher(
    DownloadRefreshes refreshes,
    MagicHourApi api,
    MagicHourKey key,
    AskingPause pause,
    AnswerReview review,
    FindingPublisher publisher,
    TimeProvider time,
    ILogger<DownloadRefresher> logger)
{
    // Someone waits for the answer, for a few seconds.
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan ForgetInterval = TimeSpan.FromMinutes(1);

    private const int MostInFlight = 20;

    /// <summary>Never returns.</summary>
    /// <exception cref="Exception">The database is unavailable.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var inFlight = new List<Task>();
        var forgetAt = DateTimeOffset.MinValue;
        try
        {
            for (; ; await Task.Delay(PollInterval, time, cancellationToken))
            {
                inFlight.RemoveAll(refresh => refresh.IsCompleted);
                await BeginAsync(inFlight, cancellationToken);
                if (time.GetUtcNow() >= forgetAt)
                {
                    await refreshes.ForgetAsync(cancellationToken);
                    forgetAt = time.GetUtcNow() + ForgetInterval;
                }
            }
        }
        finally
        {
            // They end by themselves, with the same token.
            await Task.WhenAll(inFlight);
        }
    }

    private async Task BeginAsync(List<Task> inFlight, CancellationToken cancellationToken)
    {
        if (pause.IsOn)
        {
            await refreshes.RefuseAsync((pause.IsKeyRejected ? FindingKind.KeyRejected : FindingKind.Unavailable).Name(), cancellationToken);
            return;
        }

        var limit = (pause.IsProbing ? 1 : MostInFlight) - inFlight.Count;
        foreach (var (jobId, kind) in limit <= 0 ? [] : await refreshes.TakeAsync(limit, cancellationToken))
        {
            inFlight.Add(RefreshAsync(jobId, kind, cancellationToken));
        }
    }

    /// <summary>Never throws: a caller that gets no answer makes its request again.</summary>
    private async Task RefreshAsync(string jobId, string kind, CancellationToken cancellationToken)
    {
        try
        {
            await refreshes.AnswerAsync(jobId, await AskAsync(jobId, kind, cancellationToken), cancellationToken);
        }
        catch (Exception exception)
        {
            if (!cancellationToken.IsCancellationRequested)
            {
                LogFailed(logger, exception, ShownText.Name(jobId));
            }
        }
    }

    private async Task<RefreshAnswer> AskAsync(string jobId, string kind, CancellationToken cancellationToken)
    {
        if (!MagicHourApi.IsId(jobId))
        {
            return Answer(RefreshState.NotOffered, FindingKind.Refused);
        }

        // There is one: without a key, no replica runs this.
        var current = key.Current ?? "";
        var finding = Finding.From(await api.GetAsync(kind, jobId, current, isUrgent: true, cancellationToken), jobId);
        if (!review.Accept(finding, current) || finding.IsOutage)
        {
            return Answer(RefreshState.Unavailable, finding.Kind);
        }

        // Any other answer contradicts the job's events, and does not change the job.
        return finding.Kind is FindingKind.Completed
            ? await PublishAsync(ReconciledEvent.Create($"{kind}.completed", jobId, finding.Project, time.GetUtcNow()), cancellationToken)
            : Answer(RefreshState.NotOffered, finding.Kind);
    }

    private async Task<RefreshAnswer> PublishAsync(WebhookReceived found, CancellationToken cancellationToken)
    {
        if (!await publisher.TryPublishAsync(found, cancellationToken))
        {
            return Answer(RefreshState.Unavailable, FindingKind.Completed);
        }

        var downloads = JobPayload.Read(found.EventType, found.ReceivedAt, found.Body)?.Downloads ?? [];
        return downloads.Count == 0
            // Deleted since.
            ? Answer(RefreshState.NotOffered, FindingKind.Completed)
            : Answer(RefreshState.Refreshed, FindingKind.Completed) with { Json = VisibleDownload.ToJson(downloads) };
    }

    private static RefreshAnswer Answer(RefreshState state, FindingKind finding) => new(state, finding.Name());

    [LoggerMessage(LogLevel.Warning, "Could not refresh the downloads of job {JobId}")]
    private static partial void LogFailed(ILogger logger, Exception exception, string jobId);
}
