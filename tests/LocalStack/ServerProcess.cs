namespace Platform.LocalStack;

/// <summary>A server of ours that can be ended in every way and started again, on the same folder and ports.</summary>
/// <param name="launch">Starts the process.</param>
/// <param name="isServing">Whether it answers.</param>
public sealed class ServerProcess(string name, DaemonRegistry daemons, Func<Daemon> launch, Func<CancellationToken, Task<bool>> isServing)
{
    private Daemon? _daemon;

    public string Name => name;

    /// <summary>The process that was started last; it may have ended.</summary>
    public Daemon Daemon => _daemon ?? throw new InvalidOperationException($"{name} was never started.");

    public bool IsAlive => _daemon is { IsAlive: true };

    /// <summary>Starts it and waits until it serves.</summary>
    /// <exception cref="SetupException">It has ended, or does not serve within a minute.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var daemon = _daemon = launch();
        daemons.Add(daemon);
        await Waiting.UntilAsync($"{name} (log: {daemon.LogFile})", daemon, () => isServing(cancellationToken), cancellationToken);
    }

    /// <summary>Asks it to stop, and waits until it has.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => Daemon.StopAsync(cancellationToken);

    /// <summary>Ends it without asking.</summary>
    public Task KillAsync(CancellationToken cancellationToken) => Daemon.KillAsync(cancellationToken);

    /// <summary>Halts it where it stands: its connections stay open and nothing answers.</summary>
    public void Halt() => Daemon.SendToAll(Signal.Stop);

    /// <summary>Lets it go on.</summary>
    public void Continue() => Daemon.SendToAll(Signal.Continue);
}
