using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Platform.LocalStack;

/// <summary>
/// A process that outlives the one that started it: in a session of its own, writing to a file. Known by id and start time, so that
/// a later process under the same id is never taken for it.
/// </summary>
/// <param name="StartedAt">In clock ticks since the machine started, as the kernel has it.</param>
/// <param name="StopSignal">What asks it to stop by itself.</param>
public sealed record Daemon(string Name, int Pid, long StartedAt, string LogFile, Signal StopSignal)
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(40);

    public bool IsAlive => ReadStartTime(Pid) == StartedAt;

    /// <summary>Starts a program in the background.</summary>
    /// <param name="environment">Set in addition to ours; null takes a variable away.</param>
    public static Daemon Start(
        string name,
        string logFile,
        string program,
        IEnumerable<string> arguments,
        IReadOnlyDictionary<string, string?>? environment = null,
        string? folder = null,
        Signal stopSignal = Signal.Terminate)
    {
        // setsid: Ctrl-C in our terminal must not reach it. The shell only redirects, then becomes the program.
        string[] wrapped = ["-c", "log=$1; shift; exec setsid \"$@\" >>\"$log\" 2>&1 </dev/null", "sh", logFile, program, .. arguments];
        var start = new ProcessStartInfo("/bin/sh", wrapped) { WorkingDirectory = folder ?? Machine.Root };
        foreach (var (variable, value) in environment ?? new Dictionary<string, string?>())
        {
            start.Environment[variable] = value;
        }

        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start.");
        return new Daemon(name, process.Id, ReadStartTime(process.Id) ?? 0, logFile, stopSignal);
    }

    /// <summary>This process, to be told from a later one under the same id.</summary>
    public static Daemon OfThisProcess() =>
        new("owner", Environment.ProcessId, ReadStartTime(Environment.ProcessId) ?? 0, LogFile: "", Signal.Terminate);

    public void Send(Signal signal) => Send(Pid, signal);

    /// <summary>To any process, such as one that a daemon has started.</summary>
    public static void Send(int pid, Signal signal) => _ = Kill(pid, (int)signal);

    /// <summary>To it and to everything that it started, and they started.</summary>
    public void SendToAll(Signal signal)
    {
        // RabbitMQ's start script has the broker as its child; PostgreSQL's backends are in sessions of their own.
        foreach (var pid in Descendants(Pid).Prepend(Pid).ToArray())
        {
            Send(pid, signal);
        }
    }

    /// <summary>Asks it to stop, and kills it when it does not within 40 seconds; its children go with it.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (!IsAlive)
        {
            return;
        }

        Send(StopSignal);
        var waited = Stopwatch.StartNew();
        while (IsAlive && waited.Elapsed < Grace)
        {
            await Task.Delay(Poll, cancellationToken);
        }

        await KillAsync(cancellationToken);
    }

    /// <summary>Kills it and its children, at once.</summary>
    public async Task KillAsync(CancellationToken cancellationToken)
    {
        if (!IsAlive)
        {
            return;
        }

        SendToAll(Signal.Kill);
        while (IsAlive)
        {
            await Task.Delay(Poll, cancellationToken);
        }
    }

    /// <summary>The end of its log, for an error message.</summary>
    public string LogTail => File.Exists(LogFile) ? string.Join('\n', File.ReadLines(LogFile).TakeLast(20)) : "";

    private static long? ReadStartTime(int pid) =>
        ReadStatus(pid) is [var state, ..] fields && state != "Z" ? long.Parse(fields[19], CultureInfo.InvariantCulture) : null;

    private static IEnumerable<int> Descendants(int pid)
    {
        var parents = Directory.EnumerateDirectories("/proc")
            .Select(folder => int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var other) ? other : 0)
            .Where(other => other > 0)
            .ToLookup(other => ReadStatus(other) is { } fields ? int.Parse(fields[1], CultureInfo.InvariantCulture) : 0);
        return Below(pid);

        IEnumerable<int> Below(int parent) => parents[parent].SelectMany(child => Below(child).Prepend(child));
    }

    // What the kernel tells of a process, from its state on; null when there is no such process.
    private static string[]? ReadStatus(int pid)
    {
        try
        {
            // The name in parentheses may hold anything; what follows it is in fixed order.
            return File.ReadAllText($"/proc/{pid}/stat").Split(')')[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int pid, int signal);
}

/// <summary>The signals that are sent here, by their numbers.</summary>
public enum Signal
{
    Interrupt = 2,
    Quit = 3,
    Kill = 9,
    Terminate = 15,
    Continue = 18,
    Stop = 19,
}
