using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Text;
using Platform.DevStack;
using Platform.Simulator.MagicHour;

namespace Platform.Faults.Fuzz;

/// <summary>
/// Sends a large number of fuzzed inputs to a running platform: no input is answered 5xx, no exception goes unhandled, nothing is parked,
/// and the workers keep running.
/// </summary>
internal sealed class FuzzRun(FaultContext context, int inputs)
{
    private const int Connections = 48;
    private const double ShareOfBadHeaders = 0.25;

    private readonly ConcurrentDictionary<int, int> _statuses = new();

    public async Task<string> RunAsync()
    {
        var samples = Directory.GetFiles(Path.Combine(Machine.Root, "tests", "Samples"), "*.json").Order(StringComparer.Ordinal)
            .Select(File.ReadAllBytes).ToArray();
        // The ingress trusts a proxy here, so that wrong signatures come from many addresses and none is rate-limited.
        var ingress = context.Lab.Ingress("ingress-fuzz", Machine.FreePort(), settings: new Dictionary<string, string?>
        {
            ["Ingress__TrustedProxies__0"] = "127.0.0.1",
        });
        await ingress.Process.StartAsync(context.Cancel);
        using var http = new HttpClient(new SocketsHttpHandler
        {
            MaxConnectionsPerServer = Connections,
            RequestHeaderEncodingSelector = (_, _) => Encoding.Latin1,
        })
        { BaseAddress = new Uri(ingress.Url) };
        await Task.WhenAll(Enumerable.Range(0, Connections).Select(i => SendAsync(http, samples, context.Seed * Connections + i, inputs / Connections + 1)));
        await JudgeAsync(ingress.Process);
        await ingress.Process.StopAsync(context.Cancel);
        return $"{_statuses.Values.Sum():N0} inputs: {string.Join(", ", _statuses.OrderBy(status => status.Key).Select(status => $"{status.Value:N0} × {status.Key}"))}";
    }

    private async Task SendAsync(HttpClient http, byte[][] samples, int seed, int count)
    {
        var bodies = new BodyFuzzer(samples, seed);
        var headers = new HeaderFuzzer(context.Lab.Target.Secret, seed);
        var random = new Random(seed);
        for (var i = 0; i < count; i++)
        {
            var body = bodies.Next();
            var (timestamps, signatures) = headers.Next(body, isValid: random.NextDouble() >= ShareOfBadHeaders);
            using var request = new HttpRequestMessage(HttpMethod.Post, "webhook") { Content = new ByteArrayContent(body) };
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            request.Headers.TryAddWithoutValidation(Signing.TimestampHeader, timestamps);
            request.Headers.TryAddWithoutValidation(Signing.SignatureHeader, signatures);
            request.Headers.Add("X-Forwarded-For", $"10.{random.Next(256)}.{random.Next(256)}.{random.Next(256)}");
            using var response = await http.SendAsync(request, context.Cancel);
            var status = (int)response.StatusCode;
            _statuses.AddOrUpdate(status, 1, (_, times) => times + 1);
            FaultContext.Expect(status < 500, $"answered {status} to {Convert.ToBase64String(body)}");
        }
    }

    private async Task JudgeAsync(ServerProcess ingress)
    {
        await context.UntilAsync("the queue is empty", async () => await context.Lab.CountReadyAsync(context.Cancel) == 0, TimeSpan.FromMinutes(15));
        var (status, _) = await context.SendAsync();
        FaultContext.Expect(status == 200, $"afterwards an event was answered {status}");
        await context.UntilAsync("the workers keep running", async () => await context.Lab.CountReadyAsync(context.Cancel) == 0);
        FaultContext.Expect(await context.Lab.CountParkedAsync(context.Cancel) == 0, "messages were parked");
        FaultContext.Expect(context.Lab.Workers.All(worker => worker.IsAlive), "a worker has ended");
        var log = await File.ReadAllTextAsync(ingress.Daemon.LogFile, context.Cancel);
        FaultContext.Expect(!log.Contains("nhandled exception", StringComparison.Ordinal), "an exception was not handled");
    }
}
