using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Platform.DevStack;

/// <summary>This machine: its programs, ports and folders.</summary>
public static class Machine
{
    public static bool IsRoot => Environment.UserName == "root";

    /// <summary>The checkout: the folder that holds <c>Platform.sln</c>.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Disposable files: data, logs, and the state of running stacks.</summary>
    public static string LocalFolder => Directory.CreateDirectory(Path.Combine(Root, ".local")).FullName;

    /// <summary>The first existing program of several, given by path or found on PATH.</summary>
    public static string? FindProgram(params IEnumerable<string> candidates)
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        return candidates
            .SelectMany(candidate => Path.IsPathRooted(candidate) ? [candidate] : folders.Select(folder => Path.Combine(folder, candidate)))
            .FirstOrDefault(File.Exists);
    }

    /// <summary>A free port of the loopback interface that no other process of the platform gets; the preferred one if it is free.</summary>
    public static int FreePort(int preferred = 0) => PortClaim.Take(preferred);

    /// <summary>Whether a server listens on a port of the loopback interface.</summary>
    internal static async Task<bool> AcceptsAsync(int port, CancellationToken cancellationToken)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, port, cancellationToken);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Runs a program until it exits.</summary>
    public static async Task<ProgramResult> RunAsync(
        string program, IEnumerable<string> arguments, CancellationToken cancellationToken, string? folder = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder ?? Root,
        };
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start.");
        // Some programs would wait for input.
        process.StandardInput.Close();
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
            var error = process.StandardError.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return new ProgramResult(process.ExitCode, await output, await error);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    /// <summary>Runs a program until it exits and shows its output.</summary>
    public static async Task<int> ShowAsync(
        string program, IEnumerable<string> arguments, CancellationToken cancellationToken, string? folder = null)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { WorkingDirectory = folder ?? Root })
            ?? throw new InvalidOperationException($"{program} did not start.");
        await process.WaitForExitAsync(cancellationToken);
        return process.ExitCode;
    }

    private static string FindRoot()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "Platform.sln")))
            {
                return folder;
            }
        }

        throw new InvalidOperationException("This program runs from a checkout: no Platform.sln was found above it.");
    }
}

/// <summary>The output of a program that has exited.</summary>
public sealed record ProgramResult(int ExitCode, string Output, string Error)
{
    public bool Succeeded => ExitCode == 0;

    /// <summary>The last non-empty line of output, as a one-line reason.</summary>
    public string LastLine => (Error + "\n" + Output).Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) switch
    {
        [] => $"exit code {ExitCode}",
        var lines => lines[^1],
    };

    public ProgramResult ThrowIfFailed(string what) => Succeeded ? this : throw new SetupException($"{what} failed: {LastLine}\n{Error}{Output}");
}
