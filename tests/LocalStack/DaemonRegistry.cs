using System.Text.Json;

namespace Platform.LocalStack;

/// <summary>
/// The daemons that belong together, written down as each is started: whoever started them may be killed at any moment, and the
/// next one must find them.
/// </summary>
public sealed class DaemonRegistry
{
    private readonly string _file;
    private readonly List<Daemon> _daemons;
    private readonly Lock _lock = new();

    /// <param name="file">Need not exist.</param>
    public DaemonRegistry(string file)
    {
        _file = file;
        _daemons = File.Exists(file) ? JsonSerializer.Deserialize<List<Daemon>>(File.ReadAllText(file)) ?? [] : [];
    }

    /// <summary>There are some, and all of them run.</summary>
    public bool IsUp => _daemons.Count > 0 && _daemons.TrueForAll(daemon => daemon.IsAlive);

    /// <summary>Those that have ended without being asked to.</summary>
    public IReadOnlyList<Daemon> Dead => [.. _daemons.Where(daemon => !daemon.IsAlive)];

    /// <summary>Adds what was started, in the order of starting.</summary>
    public void Add(params IEnumerable<Daemon> started)
    {
        lock (_lock)
        {
            _daemons.AddRange(started);
            File.WriteAllText(_file, JsonSerializer.Serialize(_daemons));
        }
    }

    /// <summary>Stops those that still run, the last started first.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        foreach (var daemon in Enumerable.Reverse(_daemons).Where(daemon => daemon.IsAlive))
        {
            Console.WriteLine($"stopping {daemon.Name} ...");
            await daemon.StopAsync(cancellationToken);
        }

        Forget();
    }

    /// <summary>Kills those that still run, all at once.</summary>
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
