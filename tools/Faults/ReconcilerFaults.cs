using System.Diagnostics;
using Platform.DevStack;
using Platform.Simulator.Api;
using Platform.Simulator.Truth;
using static Platform.Faults.FaultContext;

namespace Platform.Faults;

/// <summary>Magic Hour's API refuses to answer.</summary>
internal static class ReconcilerFaults
{
    private const string Alert = "MagicHourRejectsKey";
    private const int Jobs = 20;
    private const double Rejected = 600;

    // The reconciler tries a rejected key again once a minute; requests in flight are rejected too.
    private const int FirstRequests = 5;

    private static readonly TimeSpan PatienceForJobs = TimeSpan.FromMinutes(5);

    public static IEnumerable<Fault> All =>
    [
        new(
            "R02", $"Magic Hour's API rejects the key for {Rejected / 60} minutes, and has ended {Jobs} jobs without a webhook",
            $"{Alert} fires, no job changes; asking resumes with the right key in the mounted file, without a restart", KeyRejectedAsync)
        {
            Patience = TimeSpan.FromMinutes(30),
        },
    ];

    private static async Task<string> KeyRejectedAsync(FaultContext context)
    {
        var length = context.Scaled(Rejected);
        await ServerPackages.EnsureAsync(context.Cancel, withPrometheus: true);
        var key = $"mhk_{Guid.NewGuid():N}";
        var options = new SimulatedMagicHourOptions { ApiKey = key, Seed = context.Seed, Speed = 1000, Shares = new FateShares { Lost = 1 } };
        await using var magicHour = await SimulatedMagicHour.StartAsync(options, TimeProvider.System, context.Cancel);
        await using var reconciler = await RejectedReconciler.StartAsync(context, magicHour, haste: Rejected / length.TotalSeconds);
        var ids = await CreateJobsAsync(magicHour, context.Cancel);
        foreach (var id in ids)
        {
            Expect((await context.SendAsync(NewEvent("video.started", id).Body)).Status == 200, "an event was refused");
        }

        await context.UntilAsync("each has a check", async () => await CountAsync($"job_checks where {AreTheirs("job_id")}") == Jobs);
        var before = await ReadJobsAsync();
        await context.Lab.ExecuteAsync($"update job_checks set next_check_at = now() where {AreTheirs("job_id")}", context.Cancel);
        var watch = Stopwatch.StartNew();
        await context.UntilAsync("the alert fires", reconciler.IsFiringAsync, length);
        var alerted = watch.Elapsed;
        await context.WaitAsync(length - alerted);

        var rejected = magicHour.Calls.Report().ByStatus.GetValueOrDefault("401");
        Expect(await ReadJobsAsync() == before, "a job has changed");
        Expect(rejected > 0 && rejected <= FirstRequests + length.TotalMinutes, $"{rejected} requests with the rejected key in {length}");
        watch.Restart();
        await reconciler.MountAsync(key);
        await context.UntilAsync(
            "all jobs are completed", async () => await CountAsync($"webhook_events where event_type = 'video.completed' and {AreTheirs("job_id")}") == Jobs, PatienceForJobs);
        var completed = watch.Elapsed;
        await context.UntilAsync("the alert is over", async () => !await reconciler.IsFiringAsync(), PatienceForJobs);
        return $"{rejected} × 401 in {length.TotalSeconds:0} s, the alert after {alerted.TotalSeconds:0} s; {Jobs} jobs completed {completed.TotalSeconds:0} s after the right key";

        string AreTheirs(string column) => $"{column} in ({string.Join(", ", ids.Select(id => $"'{id}'"))})";

        Task<long> CountAsync(string rows) => context.Lab.QueryAsync<long>($"select count(*) from {rows}", context.Cancel);

        Task<string> ReadJobsAsync() => context.Lab.QueryAsync<string>(
            $"select string_agg(jobs::text, ' ' order by magic_hour_id) from jobs where {AreTheirs("magic_hour_id")}", context.Cancel);
    }

    /// <summary>Creates jobs that end at once, and of which no webhook says so.</summary>
    private static async Task<string[]> CreateJobsAsync(SimulatedMagicHour magicHour, CancellationToken cancellationToken)
    {
        using var client = new MagicHourClient(magicHour);
        var ids = new string[Jobs];
        for (var i = 0; i < ids.Length; i++)
        {
            ids[i] = await client.CreateJobAsync("text-to-video", cancellationToken);
        }

        return ids;
    }

    /// <summary>A worker that reconciles, with a key that is rejected, and the Prometheus that watches it.</summary>
    private sealed class RejectedReconciler : IAsyncDisposable
    {
        private readonly ServerProcess _worker;
        private readonly PrometheusInstance _prometheus;
        private readonly PrometheusClient _client;
        private readonly string _keyFile;
        private readonly CancellationToken _cancel;

        private RejectedReconciler(ServerProcess worker, PrometheusInstance prometheus, string keyFile, CancellationToken cancel)
        {
            _worker = worker;
            _prometheus = prometheus;
            _client = new PrometheusClient(prometheus.Url);
            _keyFile = keyFile;
            _cancel = cancel;
        }

        public static async Task<RejectedReconciler> StartAsync(FaultContext context, SimulatedMagicHour magicHour, double haste)
        {
            var (lab, port) = (context.Lab, Machine.FreePort());
            var keyFile = Path.Combine(lab.Folder.Path, $"key-{port}");
            await File.WriteAllTextAsync(keyFile, $"mhk_{Guid.NewGuid():N}", context.Cancel);
            var worker = lab.Worker(
                $"worker-reconcile-{port}",
                new Dictionary<string, string?> { ["MagicHourApi__BaseUrl"] = magicHour.Url, ["MagicHourApi__KeyFile"] = keyFile },
                roles: "reconcile",
                port: port);
            await worker.StartAsync(context.Cancel);
            // The lab's broker exports no metrics: its alerts fire, and no one looks at them.
            var targets = new MetricsTargets([.. lab.Ingresses.Select(ingress => $"127.0.0.1:{ingress.Port}")], [$"127.0.0.1:{port}"], $"127.0.0.1:{Machine.FreePort()}");
            var prometheus = await PrometheusServer.StartAsync(
                Path.Combine(lab.Folder.Path, $"prometheus-{port}"), targets, lab.Folder.Daemons, context.Cancel, haste: haste);
            return new RejectedReconciler(worker, prometheus, keyFile, context.Cancel);
        }

        public async Task<bool> IsFiringAsync() => (await _client.ListFiringAsync(_cancel)).Any(alert => alert.Name == Alert);

        public Task MountAsync(string key) => File.WriteAllTextAsync(_keyFile, key, _cancel);

        public async ValueTask DisposeAsync()
        {
            _client.Dispose();
            await Task.WhenAll(_worker.KillAsync(CancellationToken.None), _prometheus.Process.KillAsync(CancellationToken.None));
        }
    }
}
