using System.Collections.Concurrent;

namespace Platform.Benchmarks.Contestants;

/// <summary>
/// No contestant itself, but where owners are told: reads what it is sent, answers 200 and only counts, so that receiving costs the machine
/// as little as possible.
/// </summary>
internal static class ReceiverContestant
{
    private const string CountsPath = "/counts";

    private static readonly ConcurrentDictionary<string, int> TimesToldById = new();

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

    /// <summary>Asks a receiver what it was told since it was asked last; not while it is told more.</summary>
    public static async Task<Told> TakeCountsAsync(int port, CancellationToken cancellationToken)
    {
        using var http = new HttpClient();
        using var counts = await http.PostAsync($"http://127.0.0.1:{port}{CountsPath}", content: null, cancellationToken);
        return (await counts.Content.ReadFromJsonAsync<Told>(cancellationToken))!;
    }

    private static Task TakeAsync(HttpContext http)
    {
        TimesToldById.AddOrUpdate(http.Request.Headers["webhook-id"].ToString(), 1, (_, times) => times + 1);
        return FloorContestant.AnswerAsync(http);
    }

    private static Told TakeCounts()
    {
        var told = new Told(TimesToldById.Values.Sum(), TimesToldById.Count);
        TimesToldById.Clear();
        return told;
    }
}

/// <summary>What a receiver was told.</summary>
/// <param name="Notifications">Different ones.</param>
internal sealed record Told(int Requests, int Notifications);
