using System.Diagnostics;
using System.Globalization;
using System.Net;
using Platform.Simulator.MagicHour;
using Platform.Simulator.Storms;
using static Platform.Faults.FaultContext;

namespace Platform.Faults;

/// <summary>Strangers without a secret try to deny service to the sender, at two ingresses behind the nginx of docker-compose.yml.</summary>
internal static class StrangerFaults
{
    private const int StormRate = 300;
    private const int Connections = 10_000;

    // Exceeds either half of the smallest body budget (16 MiB), in buffers of 256 KiB and of 16 KiB.
    private const int LargeBodies = 70;
    private const int SmallBodies = 1040;
    private const int LeastConnections = 2500;
    private const int BodiesAtLoadBalancer = 48;
    private const int FloodRate = 300;
    private const int DirectPosts = 300;

    // Strangers and servers share the cores here, so above the target only the slowdown counts, measured without strangers in the same run.
    private const int MaxSlowdown = 4;
    private static readonly TimeSpan LatencyTarget = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan DirectTarget = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LatencyBound = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan ProbeBound = TimeSpan.FromSeconds(5);

    public static IEnumerable<Fault> All =>
    [
        new("S12", "strangers stall bodies and connections, at two ingresses behind nginx", "genuine events are answered 200 at once", StallsAsync),
        new("S13", $"{FloodRate} wrong signatures a second from the sender's own address, at two ingresses behind nginx", "429 for the flood; 200 for genuine events", FloodAsync),
        new("S14", "strangers keep opening connections beyond the limit", "probes and metrics are answered; genuine events get 200", ProbesAsync),
    ];

    private static async Task<string> StallsAsync(FaultContext context)
    {
        // The full number at one ingress only: a process may have 20,000 open files.
        int[] most = [.. new[] { context.Scaled(Connections), context.Scaled(Connections) / 2 }.Select(number => Math.Max(number, LeastConnections))];
        await using var balanced = await BalancedIngresses.StartAsync(context, most);
        var undisturbed = await MeasureAsync(context, balanced);
        var undisturbedDirect = await PostDirectlyAsync(context, balanced.Ingresses[0]);
        var direct = TimeSpan.Zero;
        var held = 0;
        StormReport report;
        var strangers = new List<Strangers>();
        try
        {
            for (var i = 0; i < most.Length; i++)
            {
                var ingress = new IPEndPoint(IPAddress.Loopback, balanced.Ingresses[i].Port);
                strangers.Add(new Strangers(ingress, most[i] * 9 / 10 - LargeBodies - SmallBodies, "", context.Cancel));
                strangers.Add(new Strangers(ingress, most[i] / 10, Strangers.Headers, context.Cancel));
                strangers.Add(new Strangers(ingress, LargeBodies, Strangers.Body(200_000), context.Cancel));
                strangers.Add(new Strangers(ingress, SmallBodies, Strangers.Body(12_000), context.Cancel));
            }

            strangers.Add(new Strangers(balanced.LoadBalancer, BodiesAtLoadBalancer, Strangers.Body(200_000), context.Cancel));
            strangers.Add(new Strangers(balanced.LoadBalancer, context.Scaled(2000), Strangers.Headers, context.Cancel));
            await context.UntilAsync("strangers hold their connections", () => Task.FromResult(strangers.Sum(one => one.Held) >= most.Sum() * 9 / 10));
            direct = await PostDirectlyAsync(context, balanced.Ingresses[0]);
            report = await context.StormAsync(Storm(context), () => Task.CompletedTask, target: balanced.Target);
            held = strangers.Sum(one => one.Held);
        }
        finally
        {
            await Task.WhenAll(strangers.Select(one => one.DisposeAsync().AsTask()));
        }

        await ExpectServedAsync(context, balanced, report, undisturbed);
        ExpectFast("signed POSTs", direct, DirectTarget, undisturbedDirect);
        return $"{held} connections held, {strangers.Sum(one => one.Closed)} closed; a signed POST to an ingress with {most[0]} of them: "
            + $"p99 {direct.TotalMilliseconds:0} ms, {undisturbedDirect.TotalMilliseconds:0} ms without; {Show(report, undisturbed)}";
    }

    private static async Task<string> FloodAsync(FaultContext context)
    {
        await using var balanced = await BalancedIngresses.StartAsync(context, Connections, Connections);
        var undisturbed = await MeasureAsync(context, balanced);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.Cancel);
        var flood = FloodAsync(balanced.Target.Url, ending.Token);
        StormReport report;
        try
        {
            // One window of the rate limit.
            await context.WaitAsync(TimeSpan.FromSeconds(2));
            report = await context.StormAsync(Storm(context), () => Task.CompletedTask, target: balanced.Target);
        }
        finally
        {
            await ending.CancelAsync();
        }

        var statuses = await flood;
        Expect(statuses.Keys.All(status => status is 401 or 429), $"the flood was answered {string.Join(", ", statuses.Keys)}");
        Expect(statuses.GetValueOrDefault(429) > statuses.GetValueOrDefault(401), "the flood was not limited");
        await ExpectServedAsync(context, balanced, report, undisturbed);
        return $"{statuses.GetValueOrDefault(401)} × 401, {statuses.GetValueOrDefault(429)} × 429 for the flood; {Show(report, undisturbed)}";
    }

    private static async Task<string> ProbesAsync(FaultContext context)
    {
        const int most = 300;
        await using var balanced = await BalancedIngresses.StartAsync(context, most, most);
        var undisturbed = await MeasureAsync(context, balanced, rate: 100);
        var probes = new List<TimeSpan>();
        var shed = 0;
        StormReport report;
        var strangers = balanced.Ingresses
            .Select(ingress => new Strangers(new IPEndPoint(IPAddress.Loopback, ingress.Port), most * 6 / 5, Strangers.Headers, context.Cancel))
            .ToArray();
        try
        {
            report = await context.StormAsync(Storm(context, rate: 100), async () =>
            {
                for (var i = 0; i < 50; i++)
                {
                    foreach (var url in balanced.ManagementUrls.SelectMany(url => new[] { $"{url}/health/live", $"{url}/health/ready", $"{url}/metrics" }))
                    {
                        var began = Stopwatch.GetTimestamp();
                        Expect(await context.GetAsync(url) == 200, $"{url} was not answered 200");
                        probes.Add(Stopwatch.GetElapsedTime(began));
                    }

                    await context.WaitAsync(TimeSpan.FromMilliseconds(100));
                }

                foreach (var url in balanced.ManagementUrls)
                {
                    var (status, _) = await context.SendAsync(url: url);
                    Expect(status == 404, $"a webhook to the management listener was answered {status}");
                }

                shed = await balanced.CountAsync("http_connections_shed_total", context.Cancel);
            }, target: balanced.Target);
        }
        finally
        {
            await Task.WhenAll(strangers.Select(one => one.DisposeAsync().AsTask()));
        }

        Expect(shed > 100, $"only {shed} connections were closed: the fault had no effect");
        Expect(probes.Max() <= ProbeBound, $"a probe took {probes.Max().TotalSeconds:0.0} s");
        await ExpectServedAsync(context, balanced, report, undisturbed);
        return $"{probes.Count} probes, slowest {probes.Max().TotalMilliseconds:0} ms, {shed} connections closed; {Show(report, undisturbed)}";
    }

    private static StormSettings Storm(FaultContext context, int rate = StormRate) => new() { Events = Math.Max(rate * 8, context.Scaled(rate * 60)), Rate = rate };

    /// <returns>The p99 of genuine events without strangers.</returns>
    private static async Task<TimeSpan> MeasureAsync(FaultContext context, BalancedIngresses balanced, int rate = StormRate) =>
        (await context.StormAsync(new StormSettings { Events = rate * 8, Rate = rate }, () => Task.CompletedTask, target: balanced.Target)).GenuineP99;

    /// <summary>Genuine events were fast, and none was refused except while the broker was unavailable, which a busy machine can cause.</summary>
    private static async Task ExpectServedAsync(FaultContext context, BalancedIngresses balanced, StormReport report, TimeSpan undisturbed)
    {
        var byBroker = await balanced.CountAsync("broker_publishes_(failed|not_tried)_total", context.Cancel);
        var refused = report.Genuine
            .Where(attempt => attempt.Status is null or 401 or 408 or 429 or >= 500)
            .CountBy(attempt => attempt.Status?.ToString(CultureInfo.InvariantCulture) ?? "nothing")
            .ToDictionary();
        Expect(
            refused.All(one => one.Key == "503" && one.Value <= byBroker),
            $"genuine events were answered {string.Join(", ", refused.Select(one => $"{one.Value} × {one.Key}"))}, {byBroker} because of the broker");
        ExpectFast("genuine events", report.GenuineP99, LatencyTarget, undisturbed);
    }

    private static void ExpectFast(string what, TimeSpan p99, TimeSpan target, TimeSpan undisturbed) => Expect(
        p99 <= target || (p99 <= MaxSlowdown * undisturbed && p99 <= LatencyBound),
        $"the p99 of {what} was {p99.TotalMilliseconds:0} ms, {undisturbed.TotalMilliseconds:0} ms without strangers");

    private static string Show(StormReport report, TimeSpan undisturbed) =>
        $"genuine p99 {report.GenuineP99.TotalMilliseconds:0} ms, {undisturbed.TotalMilliseconds:0} ms without strangers; {report}";

    /// <returns>The p99 of sequential signed POSTs, each on a new connection.</returns>
    private static async Task<TimeSpan> PostDirectlyAsync(FaultContext context, LabIngress ingress)
    {
        var took = new List<TimeSpan>();
        for (var i = 0; i < DirectPosts; i++)
        {
            var (status, duration) = await context.SendAsync(url: ingress.Url);
            Expect(status == 200, $"a signed POST was answered {status}");
            took.Add(duration);
        }

        return took.Order().ElementAt(DirectPosts * 99 / 100 - 1);
    }

    private static async Task<Dictionary<int, int>> FloodAsync(string url, CancellationToken cancellationToken)
    {
        using var sender = new Sender(url, StormEndpoint.StrangersSecret, TimeProvider.System);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        var answers = new List<Task<int?>>();
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
            {
                answers.AddRange(Enumerable.Range(0, FloodRate / 10).Select(_ => PostAsync(sender)));
            }
        }
        catch (OperationCanceledException)
        {
            // The flood was stopped.
        }

        return (await Task.WhenAll(answers)).OfType<int>().CountBy(status => status).ToDictionary();
    }

    private static async Task<int?> PostAsync(Sender sender)
    {
        try
        {
            using var response = await sender.SendAsync(NewEvent().Body, CancellationToken.None);
            return (int)response.StatusCode;
        }
        catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException)
        {
            return null;
        }
    }
}
