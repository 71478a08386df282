using System.Diagnostics;
using Platform.Benchmarks.Figures;

namespace Platform.Benchmarks.Contestants;

/// <summary>Counts messages and reports their rate once all are counted; the first ones warm up.</summary>
internal sealed class Tally(int messages)
{
    private readonly int _warmUp = (int)(messages * SteadyRate.WarmUpShare);
    private long _started;
    private int _count;

    public void Count()
    {
        var count = Interlocked.Increment(ref _count);
        if (count == _warmUp)
        {
            Volatile.Write(ref _started, Stopwatch.GetTimestamp());
        }
        else if (count == messages)
        {
            Announcement.Rate((messages - _warmUp) / Stopwatch.GetElapsedTime(Volatile.Read(ref _started)).TotalSeconds);
        }
    }
}
