using System.Collections.Concurrent;

namespace Platform.Benchmarks.Contestants;

/// <summary>
/// Not a contestant but the receiver of notifications: reads each request, answers 200 and only counts, so that receiving costs as little as
/// possible.
/// </summary>
internal static class ReceiverContestant
{
    private const string CountsPath = "/counts";

    private static readonly ConcurrentDictionary<string, int> NotificationsById = new();

    public static async Task<int> RunAsync(ContestantOptions options, CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(options.Url);
        await using var app = builder.Build();
        app.MapPost("/webhook", TakeAsync);
        app.MapPost(CountsPath, http => http.Response.WriteAsJsonAsync(TakeCounts(), http.RequestAborted));
        await app.StartAsync(cancellationToken);
        Announcement.Ready();
        await app.WaitForShutdownAsync(cancellationToken);
        return 0;
    }

    /// <summary>Reads and resets a receiver's counts; must not run while requests arrive.</summary>
    public static async Task<ReceivedCounts> TakeCountsAsync(int port, CancellationToken cancellationToken)
    {
        using var http = new HttpClient();
        using var counts = await http.PostAsync($"http://127.0.0.1:{port}{CountsPath}", content: null, cancellationToken);
        return (await counts.Content.ReadFromJsonAsync<ReceivedCounts>(cancellationToken))!;
    }

    private static Task TakeAsync(HttpContext http)
    {
        NotificationsById.AddOrUpdate(http.Request.Headers["webhook-id"].ToString(), 1, (_, times) => times + 1);
        return FloorContestant.AnswerAsync(http);
    }

    private static ReceivedCounts TakeCounts()
    {
        var received = new ReceivedCounts(NotificationsById.Values.Sum(), NotificationsById.Count);
        NotificationsById.Clear();
        return received;
    }
}

/// <summary>The counts of a receiver.</summary>
/// <param name="Notifications">Distinct notifications.</param>
internal sealed record ReceivedCounts(int Requests, int Notifications);
