using Processor.Worker.Jobs;

namespace Processor.Worker.Downloads;

/// <summary>
/// Gets URLs that are valid for a while. This process leaves a request for the reconciler, which has the key and the budget, and waits for
/// the answer.
/// </summary>
internal sealed class FreshDownloads(DownloadRefreshes refreshes, TimeProvider time) : IDisposable
{
    public static readonly TimeSpan LeastValidity = TimeSpan.FromHours(1);

    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(250);

    // A wave of notifications waits together; with a connection for each, it could take all that the server has.
    private readonly SemaphoreSlim _connections = new(4);

    /// <summary>Every download is known to be valid for <see cref="LeastValidity"/>.</summary>
    public static bool AreValid(IReadOnlyList<VisibleDownload> downloads, DateTimeOffset now) =>
        downloads.Count > 0 && downloads.All(download => JobPayload.ReadTime(download.ExpiresAt) >= now + LeastValidity);

    /// <summary>Some download is known to be valid for less.</summary>
    public static bool AnyExpires(IReadOnlyList<VisibleDownload> downloads, DateTimeOffset now) =>
        downloads.Any(download => DownloadExpiry.Read(download.ExpiresAt) < now + LeastValidity);

    /// <summary>Requests fresh URLs, and waits for them.</summary>
    /// <param name="kind">The job's <see cref="Job.Resource"/>.</param>
    /// <param name="limit">After this time the request is returned as it is, such as <see cref="RefreshState.Open"/>. Zero: no waiting.</param>
    /// <returns>Null when no reconciler is active.</returns>
    public async Task<RefreshAnswer?> RefreshAsync(string jobId, string kind, TimeSpan limit, CancellationToken cancellationToken)
    {
        var start = time.GetTimestamp();
        var answer = await ReadAsync(() => refreshes.RequestAsync(jobId, kind, cancellationToken), cancellationToken);
        while (answer?.State is RefreshState.Open && time.GetElapsedTime(start) < limit)
        {
            await Task.Delay(PollInterval, time, cancellationToken);
            answer = await ReadAsync(() => refreshes.FindAsync(jobId, cancellationToken), cancellationToken);
        }

        return answer;
    }

    public void Dispose() => _connections.Dispose();

    private async Task<RefreshAnswer?> ReadAsync(Func<Task<RefreshAnswer?>> read, CancellationToken cancellationToken)
    {
        await _connections.WaitAsync(cancellationToken);
        try
        {
            return await read();
        }
        finally
        {
            _connections.Release();
        }
    }
}
