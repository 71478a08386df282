using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Platform.DevStack;

/// <summary>
/// A process that outlives its parent: it runs in a new session and logs to a file. It is identified by process id and start time, so that a
/// later process with the same id is never mistaken for it.
/// </summary>
/// <param name="StartedAt">The kernel's start time: clock ticks since boot.</param>
/// <param name="StopSignal">The signal for a graceful stop.</param>
public sealed record Daemon(string Name, int Pid, long StartedAt, string LogFile, Signal StopSignal)
{
    /// <summary>How long <see cref="StopAsync"/> waits before it kills the process.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(40);

    // EPERM.
    private const int NotPermitted = 1;

    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);

    public bool IsAlive => ReadStartTime(Pid) == StartedAt;

    /// <summary>Starts a program in the background.</summary>
    /// <param name="environment">Variables in addition to those of this process; null removes a variable.</param>
    public static Daemon Start(
        string name,
        string logFile,
        string program,
        IEnumerable<string> arguments,
        IReadOnlyDictionary<string, string?>? environment = null,
        string? folder = null,
        Signal stopSignal = Signal.Terminate)
    {
        // setsid keeps Ctrl-C in this terminal away from the daemon. The shell only redirects and then executes the program.
        string[] wrapped = ["-c", "log=$1; shift; exec setsid \"$@\" >>\"$log\" 2>&1 </dev/null", "sh", logFile, program, .. arguments];
        var start = new ProcessStartInfo("/bin/sh", wrapped) { WorkingDirectory = folder ?? Machine.Root };
        foreach (var (variable, value) in environment ?? new Dictionary<string, string?>())
        {
            start.Environment[variable] = value;
        }

        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start.");
        return new Daemon(name, process.Id, ReadStartTime(process.Id) ?? 0, logFile, stopSignal);
    }

    /// <summary>This process as a daemon, so that another process can check whether it still runs.</summary>
    public static Daemon OfThisProcess() =>
        new("owner", Environment.ProcessId, ReadStartTime(Environment.ProcessId) ?? 0, LogFile: "", Signal.Terminate);

    /// <exception cref="SetupException">The process belongs to another user.</exception>
    public void Send(Signal signal) => Send(Pid, signal);

    /// <summary>Signals any process, such as a child of a daemon. A process that has already ended is not an error.</summary>
    /// <exception cref="SetupException">The process belongs to another user.</exception>
    public static void Send(int pid, Signal signal)
    {
        if (Kill(pid, (int)signal) != 0 && Marshal.GetLastPInvokeError() == NotPermitted)
        {
            throw new SetupException($"Not permitted: process {pid} was started by another user; stop it as that user or as root.");
        }
    }

    /// <summary>Signals the daemon and all its descendants.</summary>
    public void SendToAll(Signal signal)
    {
        // RabbitMQ's start script runs the broker as a child, and PostgreSQL's backends have their own sessions.
        foreach (var pid in Descendants(Pid).Prepend(Pid).ToArray())
        {
            Send(pid, signal);
        }
    }

    /// <summary>Asks the daemon to stop and kills it after 40 seconds; its children end with it.</summary>
    /// <exception cref="SetupException">The process belongs to another user.</exception>
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

    /// <summary>Kills the daemon and its children immediately.</summary>
    /// <exception cref="SetupException">The process belongs to another user, or the kernel does not end it.</exception>
    public async Task KillAsync(CancellationToken cancellationToken)
    {
        if (!IsAlive)
        {
            return;
        }

        SendToAll(Signal.Kill);
        var waited = Stopwatch.StartNew();
        while (IsAlive)
        {
            if (waited.Elapsed > Grace)
            {
                throw new SetupException($"{Name} (process {Pid}) was killed but does not end: it waits for an unresponsive disk or network.");
            }

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

    // The fields of /proc/PID/stat from the state on; null when there is no such process.
    private static string[]? ReadStatus(int pid)
    {
        try
        {
            // The name in parentheses may contain anything; the fields after it have a fixed order.
            return File.ReadAllText($"/proc/{pid}/stat").Split(')')[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int pid, int signal);
}

/// <summary>Signals by their numbers.</summary>
public enum Signal
{
    Interrupt = 2,
    Quit = 3,
    Kill = 9,
    Terminate = 15,
    Continue = 18,
    Stop = 19,
}
