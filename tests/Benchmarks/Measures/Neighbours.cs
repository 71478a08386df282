using System.Diagnostics;
using System.Globalization;

namespace Platform.Benchmarks.Measures;

/// <summary>
/// What the machine did beside the bench: everything busy that is neither this process nor anything that it has started, and the time
/// that a hypervisor took. With more than a little of it, figures are not worth keeping.
/// </summary>
internal sealed class Neighbours
{
    private const double TicksPerSecond = 100;

    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly double _others = Read();

    /// <summary>Cores that others kept busy on average since this was made.</summary>
    public double Cores => Math.Max(0, (Read() - _others) / Stopwatch.GetElapsedTime(_started).TotalSeconds);

    private static double Read()
    {
        var ours = ProcessTree.Read(Environment.ProcessId)[0].Cpu.TotalSeconds;
        var ticks = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..]
            .Select(field => long.Parse(field, CultureInfo.InvariantCulture))
            .ToArray();
        // user, nice, system, idle, iowait, irq, softirq, steal; what follows is counted in the first two already.
        var busy = (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6] + ticks[7]) / TicksPerSecond;
        return busy - ours;
    }
}
