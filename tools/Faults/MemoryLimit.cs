using System.Globalization;

namespace Platform.Faults;

/// <summary>
/// A kernel limit (cgroup) on the memory of a process, as a container has: the kernel kills a process that exceeds it. The .NET runtime reads
/// the limit and bounds its heap to three quarters of it.
/// </summary>
internal sealed class MemoryLimit : IDisposable
{
    private const string Version2 = "/sys/fs/cgroup";
    private const string Version1 = "/sys/fs/cgroup/memory";

    private readonly string _folder;

    private MemoryLimit(string folder) => _folder = folder;

    /// <summary>A command that applies the limit to itself and then executes the program that follows.</summary>
    public IReadOnlyList<string> Launcher => ["sh", "-c", $"echo $$ > {_folder}/cgroup.procs && exec \"$@\"", "sh"];

    /// <summary>Peak memory use in bytes.</summary>
    public long Peak => long.Parse(
        File.ReadAllText(Path.Combine(_folder, IsVersion2 ? "memory.peak" : "memory.max_usage_in_bytes")), CultureInfo.InvariantCulture);

    private static bool IsVersion2 => File.Exists($"{Version2}/cgroup.controllers");

    /// <exception cref="SkippedException">This process is not permitted to set limits.</exception>
    public static MemoryLimit Create(long bytes)
    {
        var folder = Path.Combine(IsVersion2 ? Version2 : Version1, $"platform-{Guid.NewGuid():N}");
        try
        {
            Directory.CreateDirectory(folder);
            File.WriteAllText(Path.Combine(folder, IsVersion2 ? "memory.max" : "memory.limit_in_bytes"), $"{bytes}");
            return new MemoryLimit(folder);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new SkippedException($"a memory limit is required, and control groups cannot be changed here: {exception.Message}");
        }
    }

    public void Dispose()
    {
        // The kernel removes a cgroup only once it has no processes.
        if (Directory.Exists(_folder))
        {
            Directory.Delete(_folder);
        }
    }
}
