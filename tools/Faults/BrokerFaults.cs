using Platform.Contracts;
using static Platform.Faults.FaultContext;

namespace Platform.Faults;

/// <summary>The broker crashes, hangs, raises an alarm, or lacks its queue.</summary>
internal static class BrokerFaults
{
    private const int ProbesDuringFault = 10;
    private static readonly TimeSpan RecoveryBound = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(1);

    public static IEnumerable<Fault> All =>
    [
        DuringStorm("B01", "restart the broker", (lab, cancel) => lab.Broker.StopAsync(cancel), (lab, cancel) => lab.Broker.StartAsync(cancel), matrixSeconds: 10),
        DuringStorm("B02", "kill -9 the broker", (lab, cancel) => lab.Broker.KillAsync(cancel), (lab, cancel) => lab.Broker.StartAsync(cancel), matrixSeconds: 10),
        DuringStorm(
            "B07.1", "memory alarm",
            (lab, cancel) => lab.Broker.ControlAsync(cancel, "set_vm_memory_high_watermark", "0"),
            (lab, cancel) => lab.Broker.ControlAsync(cancel, "set_vm_memory_high_watermark", "0.6"),
            matrixSeconds: 60),
        DuringStorm(
            "B07.2", "disk alarm",
            (lab, cancel) => lab.Broker.ControlAsync(cancel, "set_disk_free_limit", "100000GB"),
            (lab, cancel) => lab.Broker.ControlAsync(cancel, "set_disk_free_limit", "50MB"),
            matrixSeconds: 60),
        DuringStorm("B08", "SIGSTOP the broker", (lab, cancel) => lab.Broker.HaltAsync(cancel), (lab, cancel) => lab.Broker.ContinueAsync(cancel), matrixSeconds: 30),
        DuringStorm(
            "N02", "hold back everything the broker sends to the ingresses",
            (lab, cancel) => lab.IngressToBroker.HoldAsync(Direction.ToClient).WaitAsync(cancel),
            (lab, _) =>
            {
                lab.IngressToBroker.Release();
                return Task.CompletedTask;
            },
            matrixSeconds: 30),
        new("B10", "delete the queue under a running ingress", "503 until migrate restores it", QueueDeletedAsync),
        new("B11", "an ingress started before migrate", "503 and not ready; then 200 without a restart", BeforeMigrateAsync),
    ];

    /// <summary>
    /// During the outage every answer is 503 with Retry-After: the first within the budget, later ones at once. The first 200 comes within
    /// ten seconds of recovery.
    /// </summary>
    private static Fault DuringStorm(
        string id, string what, Func<Lab, CancellationToken, Task> begin, Func<Lab, CancellationToken, Task> end, double matrixSeconds) => new(
        id, what, "503 within the budget, then at once; 200 within 10 s of recovery", async context =>
        {
            TimeSpan first = default, later = default, recovery = default;
            var report = await context.StormAsync(500, 50, async () =>
            {
                await begin(context.Lab, context.Cancel);
                var pause = context.WaitAsync(context.Scaled(matrixSeconds, atLeast: 8));
                (first, later) = await ProbeAsync(context);
                await pause;
                await end(context.Lab, context.Cancel);
                recovery = await context.RecoveryAsync(RecoveryBound);
            });
            ExpectNothingParked(report);
            return $"503 after {first.TotalSeconds:0.0} s, later ones {later.TotalMilliseconds:0} ms, recovered in {recovery.TotalSeconds:0.0} s; {report}";
        });

    private static async Task<(TimeSpan First, TimeSpan Later)> ProbeAsync(FaultContext context)
    {
        var durations = new List<TimeSpan>();
        for (var probe = 0; probe < ProbesDuringFault; probe++)
        {
            var (status, duration) = await context.SendAsync();
            // An event confirmed before the ingress notices the outage is safe and may be answered 200.
            if (status == 503)
            {
                durations.Add(duration);
            }
        }

        Expect(durations.Count > 0, "no request was answered 503: the fault had no effect");
        var later = durations.Skip(2).DefaultIfEmpty().Max();
        Expect(durations[0] <= AnswerBudget, $"the first answer took {durations[0]}");
        Expect(later <= AtOnce, $"a later answer took {later}");
        return (durations[0], later);
    }

    private static async Task<string> QueueDeletedAsync(FaultContext context)
    {
        var lab = context.Lab;
        await Task.WhenAll(lab.Workers.Select(worker => worker.StopAsync(context.Cancel)));
        await lab.Broker.ControlAsync(context.Cancel, "delete_queue", Topology.WebhookReceivedQueue);
        var statuses = new List<int>();
        for (var i = 0; i < ProbesDuringFault; i++)
        {
            statuses.Add((await context.SendAsync()).Status);
        }

        await lab.MigrateAsync(context.Cancel);
        var recovery = await context.RecoveryAsync(RecoveryBound);
        await lab.RepairAsync(context.Cancel);
        Expect(statuses.TrueForAll(status => status == 503), $"without a queue the answers were {string.Join(", ", statuses)}");
        return $"{statuses.Count} × 503, recovered in {recovery.TotalSeconds:0.0} s; {await context.StormAsync(100, 100, () => Task.CompletedTask)}";
    }

    private static async Task<string> BeforeMigrateAsync(FaultContext context)
    {
        var lab = context.Lab;
        await Task.WhenAll(lab.Workers.Select(worker => worker.StopAsync(context.Cancel)));
        await lab.Broker.ControlAsync(context.Cancel, "delete_queue", Topology.WebhookReceivedQueue);
        var early = lab.Ingress("ingress-early", DevStack.Machine.FreePort(), mustBeReady: false);
        await early.Process.StartAsync(context.Cancel);
        try
        {
            for (var i = 0; i < ProbesDuringFault; i++)
            {
                Expect((await context.SendAsync(url: early.Url)).Status == 503, "an event was accepted before migrate");
            }

            Expect(await context.GetAsync($"{early.Url}/health/ready") == 503, "ready before migrate");
            await lab.MigrateAsync(context.Cancel);
            await context.UntilAsync("the ingress accepts", async () => (await context.SendAsync(url: early.Url)).Status == 200, RecoveryBound);
            Expect(await context.GetAsync($"{early.Url}/health/ready") == 200, "not ready after migrate");
        }
        finally
        {
            await early.Process.StopAsync(CancellationToken.None);
        }

        await lab.RepairAsync(context.Cancel);
        return $"{ProbesDuringFault} × 503, then 200 without a restart; {await context.StormAsync(100, 100, () => Task.CompletedTask)}";
    }
}
