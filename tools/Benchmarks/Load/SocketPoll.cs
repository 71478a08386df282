using System.Runtime.InteropServices;

namespace Platform.Benchmarks.Load;

/// <summary>
/// Waits for many sockets at once with the kernel's <c>ppoll</c>, so that one thread can serve every connection of a load: the generator
/// shares the cores with the measured programs and must cost little. It also sleeps with microsecond precision, unlike .NET's timers.
/// </summary>
internal sealed class SocketPoll(int[] descriptors)
{
    private const short Readable = 1;
    private const int NanosecondsPerSecond = 1_000_000_000;

    private readonly Entry[] _entries = [.. descriptors.Select(descriptor => new Entry { Descriptor = descriptor, Events = Readable })];

    /// <summary>Whether the socket at this index was readable or broken at the last wait.</summary>
    public bool IsReady(int index) => _entries[index].Returned != 0;

    /// <summary>Returns once a socket is ready, at the latest after the time-out.</summary>
    public void Wait(TimeSpan timeout)
    {
        var nanoseconds = Math.Max(0, (long)timeout.TotalNanoseconds);
        var limit = new TimeSpec { Seconds = nanoseconds / NanosecondsPerSecond, Nanoseconds = nanoseconds % NanosecondsPerSecond };
        if (PPoll(_entries, (nuint)_entries.Length, ref limit, 0) < 0)
        {
            // Interrupted by a signal: nothing is ready.
            foreach (ref var entry in _entries.AsSpan())
            {
                entry.Returned = 0;
            }
        }
    }

    [DllImport("libc", EntryPoint = "ppoll")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int PPoll([In, Out] Entry[] entries, nuint count, ref TimeSpec timeout, nint signals);

    [StructLayout(LayoutKind.Sequential)]
    private struct Entry
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
