using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Platform.Benchmarks.Figures;
using Platform.Benchmarks.Load;
using Platform.Benchmarks.Stage;

namespace Platform.Benchmarks.Parts;

/// <summary>
/// The lists, filters and pages of the operations API over a full history, while events arrive. Measured in the first round only: creating the
/// history takes minutes, and each list is requested many times.
/// </summary>
internal sealed class ListsPart(Scale scale) : IPart
{
    private const int ArrivalsPerSecond = 500;
    private const string Key = "bench_only_key_000000000000";
    private const string SignInToken = "bench_only_token_0000000000";

    private static readonly string[] Lists =
    [
        "ops/events", "ops/events?type=video.completed", "ops/events?type=nothing.such", "ops/events?job=job-7777", "ops/events?late=true",
        "ops/events?origin=reconcile", "ops/events?origin=live", $"ops/events?trace={new string('0', 32)}", $"ops/events?{Days(151, 150)}",
        "ops/events?type=video.completed&late=true", $"ops/events?type=video.errored&{Days(250, 200)}", $"ops/events?late=true&type=image.errored&{Days(290, 200)}",
        "ops/jobs", "ops/jobs?status=completed", "ops/jobs?status=failed", "ops/jobs?status=rendering", "ops/jobs?resource=audio", "ops/jobs?user=user-7",
        "ops/jobs?overdue=true", $"ops/jobs?{Days(151, 150)}", "ops/jobs?status=failed&resource=audio&user=user-20", "ops/jobs?status=completed&user=user-20",
        "ops/parked?place=error", "ops/parked?place=quarantined", "ops/parked?place=notifications", "ops/parked?place=registrations",
        "ops/audit", "ops/replays", "ops/accounting", "ops/stats", "jobs/job-7777",
    ];

    private static readonly string[] Pages =
    [
        "console", "console/events", "console/events?job=job-7777", "console/events?type=video.completed", "console/jobs", "console/jobs?status=failed",
        "console/job?id=job-7777", "console/parked", "console/parked?place=notifications", "console/replays", "console/audit", "console/live",
    ];

    private static readonly Dictionary<string, string?> ApiSettings = new()
    {
        // Elsewhere no link signs in.
        ["DOTNET_ENVIRONMENT"] = "Development",
        ["Operations__ApiKeys__0"] = Key,
        ["Operations__SignInToken"] = SignInToken,
    };

    public string Id => "i";

    public string Name => "lists and pages";

    public async Task RunAsync(Rig rig, Round round, CancellationToken cancellationToken)
    {
        if (round.Number > 1)
        {
            return;
        }

        await rig.ClearAsync(cancellationToken);
        await StoredHistory.CreateAsync(rig.Tables.Database, scale.HistoryEvents, cancellationToken);
        await using var ingress = await Rig.StartAsync(rig.Launcher.Ingress(), cancellationToken);
        await using var worker = await Rig.StartAsync(rig.Launcher.Worker(ApiSettings), cancellationToken);
        using var http = await SignInAsync(worker.Port, cancellationToken);
        await RequestAsync(http, scale.CostWarmUp, cancellationToken);

        Progress.Say("lists and pages");
        var duration = scale.Window * 8;
        var requests = RequestSet.Render((int)(ArrivalsPerSecond * duration.TotalSeconds) + 1, Launcher.Secret, TimeProvider.System);
        using var load = new HttpLoad(ingress.Port, requests, IngestPart.MainConnections);
        var loading = load.RunOpenAsync(ArrivalsPerSecond, duration, cancellationToken);
        var answers = await RequestAsync(http, duration, cancellationToken);
        (await loading).ThrowIfRefused();

        foreach (var (name, paths) in new[] { ("lists", Lists), ("pages", Pages) })
        {
            var times = paths.Select(path => new Percentiles(answers[path].Select(answer => answer.Milliseconds))).ToArray();
            round.Add($"{name}.p50", times.Max(time => time.P50));
            round.Add($"{name}.p95", times.Max(time => time.At(0.95)));
            round.Add($"{name}.requests", times.Min(time => time.Count));
            Progress.Say($"slowest of the {name}: {paths[Array.IndexOf(times, times.MaxBy(time => time.At(0.95)))]}");
        }

        round.Add("pages.size", Pages.Max(page => answers[page].Max(answer => answer.Bytes)) / 1000d);
    }

    /// <summary>Requests everything in turn, for a time, and at least once.</summary>
    private static async Task<ILookup<string, (double Milliseconds, int Bytes)>> RequestAsync(HttpClient http, TimeSpan duration, CancellationToken cancellationToken)
    {
        var answers = new List<(string Path, double Milliseconds, int Bytes)>();
        var began = Stopwatch.GetTimestamp();
        do
        {
            foreach (var path in Lists.Concat(Pages))
            {
                var sent = Stopwatch.GetTimestamp();
                var content = await http.GetByteArrayAsync(path, cancellationToken);
                answers.Add((path, Stopwatch.GetElapsedTime(sent).TotalMilliseconds, content.Length));
            }
        }
        while (Stopwatch.GetElapsedTime(began) < duration);

        return answers.ToLookup(answer => answer.Path, answer => (answer.Milliseconds, answer.Bytes));
    }

    /// <summary>A client with the key for the lists, and with a session of the console for the pages.</summary>
    private static async Task<HttpClient> SignInAsync(int port, CancellationToken cancellationToken)
    {
        var http = new HttpClient(new HttpClientHandler { CookieContainer = new CookieContainer() })
        {
            BaseAddress = new Uri($"http://127.0.0.1:{port}/"),
            DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", Key) },
        };
        using var answer = await http.GetAsync($"console/sign-in?token={SignInToken}", cancellationToken);
        answer.EnsureSuccessStatusCode();
        return http;
    }

    /// <summary>A range of times, from some days ago to fewer.</summary>
    private static string Days(int from, int to)
    {
        var today = TimeProvider.System.GetUtcNow().Date;
        return string.Create(CultureInfo.InvariantCulture, $"from={today.AddDays(-from):yyyy-MM-ddTHH:mm:ssZ}&to={today.AddDays(-to):yyyy-MM-ddTHH:mm:ssZ}");
    }
}
