namespace Platform.DevStack;

/// <summary>
/// A persistent list of daemons that belong together, saved after each start: their parent may be killed at any moment, and the next run must
/// find them.
/// </summary>
public sealed class DaemonRegistry
{
    private readonly string _file;
    private readonly List<Daemon> _daemons;
    private readonly Lock _lock = new();

    /// <param name="file">The file may be missing.</param>
    public DaemonRegistry(string file)
    {
        _file = file;
        _daemons = StateFile.Read<List<Daemon>>(file) ?? [];
    }

    /// <summary>At least one daemon is registered and all of them run.</summary>
    public bool IsUp => _daemons.Count > 0 && _daemons.TrueForAll(daemon => daemon.IsAlive);

    /// <summary>Registered daemons that have ended.</summary>
    public IReadOnlyList<Daemon> Dead => [.. _daemons.Where(daemon => !daemon.IsAlive)];

    /// <summary>Adds started daemons, in start order.</summary>
    public void Add(params IEnumerable<Daemon> started)
    {
        lock (_lock)
        {
            _daemons.AddRange(started);
            StateFile.Write(_file, _daemons);
        }
    }

    /// <summary>Stops the running daemons in reverse start order.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        foreach (var daemon in Enumerable.Reverse(_daemons).Where(daemon => daemon.IsAlive))
        {
            Console.WriteLine($"stopping {daemon.Name} ...");
            await daemon.StopAsync(cancellationToken);
        }

        Forget();
    }

    /// <summary>Kills the running daemons, all at once.</summary>
    public async Task KillAsync(CancellationToken cancellationToken)
    {
        await Task.WhenAll(_daemons.Where(daemon => daemon.IsAlive).Select(daemon => daemon.KillAsync(cancellationToken)));
        Forget();
    }

    private void Forget()
    {
        _daemons.Clear();
        File.Delete(_file);
    }
}
