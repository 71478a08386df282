using Platform.DevStack;
using Processor.Worker.Downloads;
using Processor.Worker.Jobs;
using Processor.Worker.Persistence;

namespace Processor.Worker.Tests;

/// <summary>The other side of requests for fresh URLs: what the reconciler would answer.</summary>
internal static class Refreshing
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>From then on, someone is there to answer.</summary>
    public static Task<ReplicaLock.Held> BeReconcilerAsync(this TestDatabase database) =>
        new ReplicaLock(AdvisoryLocks.Reconcile, database.Sessions, TimeProvider.System).AcquireAsync(Cancel);

    /// <summary>A completed job with one download, and its owner.</summary>
    public static async Task CompleteAsync(this TestDatabase database, string jobId, DateTimeOffset expiresAt, string? webhookUrl = null)
    {
        await database.RegisterAsync(Owners.Register(jobId, email: null, webhookUrl));
        await database.CommitAsync(Deliveries.Unit(Deliveries.Event(
            $$"""{"type":"video.completed","payload":{"id":"{{jobId}}","downloads":[{"url":"{{Url(jobId, "stored")}}","expires_at":"{{expiresAt:O}}"}]} }""")));
    }

    public static string Url(string jobId, string signature) => $"https://videos.magichour.ai/{jobId}.mp4?sig={signature}";

    /// <summary>An answer with one download.</summary>
    public static RefreshAnswer Offer(string jobId, DateTimeOffset? expiresAt) => new(
        RefreshState.Refreshed, "completed", VisibleDownload.ToJson([new Download(Url(jobId, "fresh"), expiresAt?.ToString("O"), Deliveries.Noon, 0)]));

    /// <summary>Waits for one request, and answers it.</summary>
    public static async Task AnswerNextAsync(this DownloadRefreshes refreshes, RefreshAnswer answer)
    {
        (string JobId, string Kind)[] taken = [];
        await Waiting.UntilAsync(
            "fresh URLs are requested", async () => (taken = [.. await refreshes.TakeAsync(1, Cancel)]).Length == 1, Cancel);
        await refreshes.AnswerAsync(taken[0].JobId, answer, Cancel);
    }
}
