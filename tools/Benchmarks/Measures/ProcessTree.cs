using System.Globalization;

namespace Platform.Benchmarks.Measures;

/// <summary>The kernel's counters for a process and its descendants, including ended children.</summary>
/// <param name="Cpu">User and system time.</param>
/// <param name="WrittenBytes">Bytes written to disk, without those discarded before the write.</param>
/// <param name="ResidentBytes">Current resident set.</param>
internal readonly record struct Usage(TimeSpan Cpu, long WrittenBytes, long ResidentBytes)
{
    public static Usage operator +(Usage one, Usage other) =>
        new(one.Cpu + other.Cpu, one.WrittenBytes + other.WrittenBytes, one.ResidentBytes + other.ResidentBytes);

    /// <summary>The difference to an earlier reading, with the current memory.</summary>
    public Usage Since(Usage earlier) => new(Cpu - earlier.Cpu, WrittenBytes - earlier.WrittenBytes, ResidentBytes);
}

/// <summary>All processes in <c>/proc</c>, by parent.</summary>
internal sealed class ProcessTree
{
    // USER_HZ on every Linux that runs .NET.
    private const int TicksPerSecond = 100;

    private readonly Dictionary<int, Entry> _entries = [];
    private readonly ILookup<int, int> _children;

    private ProcessTree()
    {
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var pid) && Read(folder) is { } entry)
            {
                _entries[pid] = entry;
            }
        }

        _children = _entries.ToLookup(entry => entry.Value.Parent, entry => entry.Key);
    }

    /// <summary>The usage of each of these processes so far, including its descendants.</summary>
    public static Usage[] Read(params IEnumerable<int> pids)
    {
        var tree = new ProcessTree();
        return [.. pids.Select(tree.Sum)];
    }

    private Usage Sum(int pid)
    {
        var own = _entries.TryGetValue(pid, out var entry) ? new Usage(entry.Cpu, WrittenBy(pid), ResidentOf(pid)) : default;
        return _children[pid].Aggregate(own, (sum, child) => sum + Sum(child));
    }

    private static Entry? Read(string folder)
    {
        try
        {
            // The name in parentheses may contain anything; the fields after it have a fixed order, starting with the state.
            var fields = File.ReadAllText($"{folder}/stat").Split(')')[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            // utime, stime, cutime, cstime.
            var ticks = fields[11..15].Sum(field => long.Parse(field, CultureInfo.InvariantCulture));
            return new Entry(int.Parse(fields[1], CultureInfo.InvariantCulture), TimeSpan.FromSeconds((double)ticks / TicksPerSecond));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The process has ended.
            return null;
        }
    }

    private static long WrittenBy(int pid) =>
        ReadNumber($"/proc/{pid}/io", "write_bytes:") - ReadNumber($"/proc/{pid}/io", "cancelled_write_bytes:");

    private static long ResidentOf(int pid) => ReadNumber($"/proc/{pid}/status", "VmRSS:") * 1024;

    private static long ReadNumber(string file, string name)
    {
        try
        {
            var line = File.ReadLines(file).FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal));
            // The value may be followed by a unit.
            return line is null ? 0 : long.Parse(line[name.Length..].Trim().Split(' ')[0], CultureInfo.InvariantCulture);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    private sealed record Entry(int Parent, TimeSpan Cpu);
}
