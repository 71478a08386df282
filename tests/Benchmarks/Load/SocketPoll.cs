using System.Runtime.InteropServices;

namespace Platform.Benchmarks.Load;

/// <summary>
/// Waits for many sockets at once, by the kernel's <c>ppoll</c>. One thread can then serve every connection of a load: the generator
/// shares its cores with what it measures, and must cost little. It also sleeps to the microsecond, which no timer of .NET does.
/// </summary>
internal sealed class SocketPoll(int[] descriptors)
{
    private const short Readable = 1;
    private const int NanosecondsPerSecond = 1_000_000_000;

    private readonly Entry[] _entries = [.. descriptors.Select(descriptor => new Entry { Descriptor = descriptor, Events = Readable })];

    /// <summary>Whether the socket in this place has something to read, or is broken, as of the last wait.</summary>
    public bool IsReady(int index) => _entries[index].Returned != 0;

    /// <summary>Returns when a socket is ready, and at the latest after the time-out.</summary>
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
