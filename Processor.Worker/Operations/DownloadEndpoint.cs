using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Processor.Worker.Archive;
using Processor.Worker.Downloads;
using Processor.Worker.Jobs;
using Processor.Worker.Persistence;

namespace Processor.Worker.Operations;

/// <summary><c>POST /jobs/{id}/downloads</c>: URLs of a completed job's files that are valid for at least an hour.</summary>
internal sealed class DownloadEndpoint(FreshDownloads fresh, ArchiveLinks archive, IDbContextFactory<ProcessorDbContext> contexts, TimeProvider time)
{
    // Less than clients and proxies wait. An answer usually takes one to two seconds.
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);

    public async Task<Results<Ok<DownloadsView>, ProblemHttpResult>> RefreshAsync(string id, HttpResponse response, CancellationToken cancellationToken)
    {
        if (await FindAsync(id, cancellationToken) is not { } job)
        {
            return TypedResults.Problem("This job has no event and no registration.", statusCode: StatusCodes.Status404NotFound);
        }

        if (await IsErasedAsync(id, cancellationToken))
        {
            return ErasureEndpoint.Gone;
        }

        if (job.Status is not JobStatus.Completed)
        {
            return TypedResults.Problem(
                $"The job is {Job.StatusText(job.Status)}: only a completed job has downloads.", statusCode: StatusCodes.Status409Conflict);
        }

        var stored = await archive.ReplaceAsync(id, VisibleDownload.FromJson(job.Downloads), cancellationToken);
        return FreshDownloads.AreValid([.. stored.Select(file => file.Download)], time.GetUtcNow())
            ? TypedResults.Ok(DownloadsView.From(id, stored))
            : Show(id, await fresh.RefreshAsync(id, job.Resource, LongestWait, cancellationToken), response);
    }

    private async Task<Job?> FindAsync(string id, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await context.Set<Job>().AsNoTracking().FirstOrDefaultAsync(job => job.MagicHourId == id, cancellationToken);
    }

    private async Task<bool> IsErasedAsync(string id, CancellationToken cancellationToken)
    {
        await using var context = await contexts.CreateDbContextAsync(cancellationToken);
        return await context.Set<ErasedJob>().AnyAsync(job => job.JobId == id, cancellationToken);
    }

    private Results<Ok<DownloadsView>, ProblemHttpResult> Show(string id, RefreshAnswer? answer, HttpResponse response)
    {
        if (FindFailure(answer) is not var (status, detail))
        {
            return TypedResults.Ok(DownloadsView.From(id, [.. answer!.Downloads.Select(download => new ArchivedFile(download))]));
        }

        response.Headers.RetryAfter = $"{DownloadRefreshes.Interval.TotalSeconds:0}";
        return TypedResults.Problem(detail, statusCode: status);
    }

    private (int Status, string Detail)? FindFailure(RefreshAnswer? answer) => answer switch
    {
        null => (
            StatusCodes.Status503ServiceUnavailable,
            "The stored URLs are valid for less than an hour, and no worker asks Magic Hour's API: none with the role reconcile has a key (MagicHourApi__Key)."),
        { State: RefreshState.Open } => (StatusCodes.Status503ServiceUnavailable, "Magic Hour's API has not answered yet."),
        { State: RefreshState.Unavailable } => (
            StatusCodes.Status503ServiceUnavailable, $"Magic Hour's API cannot be asked now ({answer.Answer})."),
        { State: RefreshState.NotOffered } => (
            StatusCodes.Status502BadGateway, $"Magic Hour's API offers no downloads of this job ({answer.Answer})."),
        _ when FreshDownloads.AnyExpires(answer.Downloads, time.GetUtcNow()) => (
            StatusCodes.Status502BadGateway, "Magic Hour's API offers URLs that are valid for less than an hour; GET /jobs/{id} shows them."),
        _ => null,
    };
}

/// <summary>The files of a completed job, with URLs that are valid for at least an hour.</summary>
internal sealed record DownloadsView(string JobId, IReadOnlyList<DownloadView> Downloads)
{
    public static DownloadsView From(string jobId, IReadOnlyList<ArchivedFile> downloads) =>
        new(jobId, [.. downloads.Take(JobLimits.Downloads).Select(DownloadView.From)]);
}
