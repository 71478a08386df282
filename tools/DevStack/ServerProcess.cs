namespace Platform.DevStack;

/// <summary>A server process that can be stopped, killed or halted, and started again with the same folder and ports.</summary>
/// <param name="launch">Starts the process.</param>
/// <param name="isServing">Returns whether the server answers.</param>
public sealed class ServerProcess(string name, DaemonRegistry daemons, Func<Daemon> launch, Func<CancellationToken, Task<bool>> isServing)
{
    private Daemon? _daemon;

    public string Name => name;

    /// <summary>The most recently started process; it may have ended.</summary>
    public Daemon Daemon => _daemon ?? throw new InvalidOperationException($"{name} was never started.");

    public bool IsAlive => _daemon is { IsAlive: true };

    /// <summary>Starts the server and waits until it serves.</summary>
    /// <exception cref="SetupException">The process has ended or does not serve within three minutes.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var daemon = _daemon = launch();
        daemons.Add(daemon);
        await Waiting.UntilAsync($"{name} (log: {daemon.LogFile})", daemon, () => isServing(cancellationToken), cancellationToken);
    }

    /// <summary>Stops the server gracefully.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => Daemon.StopAsync(cancellationToken);

    /// <summary>Kills the server.</summary>
    public Task KillAsync(CancellationToken cancellationToken) => Daemon.KillAsync(cancellationToken);

    /// <summary>Suspends the server: connections stay open and nothing answers.</summary>
    public void Halt() => Daemon.SendToAll(Signal.Stop);

    /// <summary>Resumes a suspended server.</summary>
    public void Continue() => Daemon.SendToAll(Signal.Continue);
}
