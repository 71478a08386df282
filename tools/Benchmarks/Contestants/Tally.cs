using System.Diagnostics;

namespace Platform.Benchmarks.Contestants;

/// <summary>Counts messages and reports their rate once all are counted; the first ones warm up.</summary>
internal sealed class Tally(int messages, int warmUp)
{
    private long _started;
    private int _count;

    public void Count()
    {
        var count = Interlocked.Increment(ref _count);
        if (count == warmUp)
        {
            Volatile.Write(ref _started, Stopwatch.GetTimestamp());
        }
        else if (count == messages)
        {
            Announcement.Rate((messages - warmUp) / Stopwatch.GetElapsedTime(Volatile.Read(ref _started)).TotalSeconds);
        }
    }
}
