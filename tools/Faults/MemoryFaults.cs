using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Platform.DevStack;
using static Platform.Faults.FaultContext;

namespace Platform.Faults;

/// <summary>Signed bodies designed to use as much worker memory as possible.</summary>
internal static partial class MemoryFaults
{
    private const int Bodies = 300;
    private const int MaxBody = 256 * 1024;
    private const string Manifest = "deploy/k8s/base/processor-worker-consume.yaml";

    public static IEnumerable<Fault> All =>
    [
        new("S16", $"{Bodies} signed bodies of {MaxBody / 1024} KiB for one worker with the memory limit of the manifest", "the worker is not killed; all are applied", LargeBodiesAsync),
    ];

    private static async Task<string> LargeBodiesAsync(FaultContext context)
    {
        var megabytes = int.Parse(MemoryOf().Match(await File.ReadAllTextAsync(Path.Combine(Machine.Root, Manifest), context.Cancel)).Groups[1].Value, CultureInfo.InvariantCulture);
        using var limit = MemoryLimit.Create(megabytes * 1024L * 1024);
        var worker = context.Lab.Worker("worker-limited", roles: "consume", launcher: limit.Launcher);
        var prefix = $"large-{Guid.NewGuid():N}-";
        try
        {
            await Task.WhenAll(context.Lab.Workers.Select(other => other.StopAsync(context.Cancel)));
            var report = await context.StormAsync(events: 600, rate: 60, async () =>
            {
                // The queue holds all bodies before the worker starts, so it is sent as many at once as possible.
                await Parallel.ForAsync(0, Bodies, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = context.Cancel }, async (i, _) =>
                    Expect((await context.SendAsync(Body(i, $"{prefix}{i}"))).Status is 200 or 400, "a large body was refused"));
                await worker.StartAsync(context.Cancel);
                await context.UntilAsync("all are applied", async () =>
                {
                    Expect(worker.IsAlive, $"the worker was killed: {worker.Daemon.LogTail}");
                    return await context.CountEventsAsync($"{prefix}%") == Bodies * 3 / 4;
                });
                Expect(worker.IsAlive, "the worker was killed");
            });
            ExpectNothingParked(report);
            return $"at most {limit.Peak / 1024 / 1024} of {megabytes} MiB; {report}";
        }
        finally
        {
            await worker.KillAsync(CancellationToken.None);
            await context.Lab.RepairAsync(CancellationToken.None);
        }
    }

    /// <summary>Bodies of the maximum length: many downloads, many values, text that expands in memory, and a body that is not an event.</summary>
    private static byte[] Body(int number, string id)
    {
        var start = $$"""{"type":"video.completed","payload":{"id":"{{id}}",""";
        var (head, unit, tail) = (number % 4) switch
        {
            0 => (start + "\"downloads\":[{\"url\":\"x\"}", ",{\"url\":\"#\"}", "]}}"),
            1 => (start + "\"values\":[0", ",0", "]}}"),
            2 => (start + "\"name\":\"", "é#", "\"}}"),
            _ => ($"[\"{id}\"", ",[]", "]"),
        };
        var body = new StringBuilder(head);
        var length = Encoding.UTF8.GetByteCount(head + tail);
        for (var i = 0; ; i++)
        {
            var next = unit.Replace("#", i.ToString("x", CultureInfo.InvariantCulture), StringComparison.Ordinal);
            length += Encoding.UTF8.GetByteCount(next);
            if (length > MaxBody)
            {
                return Encoding.UTF8.GetBytes(body.Append(tail).ToString());
            }

            body.Append(next);
        }
    }

    [GeneratedRegex(@"limits: \{memory: ([0-9]+)Mi\}")]
    private static partial Regex MemoryOf();
}
