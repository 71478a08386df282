using System.Diagnostics;
using System.Globalization;

namespace Platform.Benchmarks.Measures;

/// <summary>
/// CPU time used outside the bench: by processes that it did not start, and by the hypervisor (steal). If it is more than a little, the
/// figures are unreliable.
/// </summary>
internal sealed class Neighbours
{
    private const double TicksPerSecond = 100;

    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly double _others = Read();

    /// <summary>Average number of cores kept busy by others since construction.</summary>
    public double Cores => Math.Max(0, (Read() - _others) / Stopwatch.GetElapsedTime(_started).TotalSeconds);

    private static double Read()
    {
        var ours = ProcessTree.Read(Environment.ProcessId)[0].Cpu.TotalSeconds;
        var ticks = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..]
            .Select(field => long.Parse(field, CultureInfo.InvariantCulture))
            .ToArray();
        // user, nice, system, idle, iowait, irq, softirq, steal; the first two already include the fields that follow.
        var busy = (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6] + ticks[7]) / TicksPerSecond;
        return busy - ours;
    }
}
