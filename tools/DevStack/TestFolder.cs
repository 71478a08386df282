namespace Platform.DevStack;

/// <summary>
/// A folder for the servers of one test run. A killed run cannot clean up, so the next run stops the processes it left behind.
/// </summary>
public sealed class TestFolder : IAsyncDisposable
{
    private TestFolder(string path)
    {
        Path = path;
        Daemons = new DaemonRegistry(System.IO.Path.Combine(path, "daemons.json"));
    }

    public string Path { get; }

    /// <summary>The daemons that are stopped with this folder.</summary>
    public DaemonRegistry Daemons { get; }

    private static string Parent => Directory.CreateDirectory(System.IO.Path.Combine(Machine.LocalFolder, "tests")).FullName;

    private string OwnerFile => System.IO.Path.Combine(Path, "owner.json");

    public static async Task<TestFolder> CreateAsync(CancellationToken cancellationToken)
    {
        foreach (var folder in Directory.GetDirectories(Parent).Select(path => new TestFolder(path)).Where(folder => folder.IsAbandoned))
        {
            await folder.RemoveAsync(cancellationToken);
        }

        var created = new TestFolder(Directory.CreateDirectory(System.IO.Path.Combine(Parent, Guid.NewGuid().ToString("N")[..8])).FullName);
        StateFile.Write(created.OwnerFile, Daemon.OfThisProcess());
        return created;
    }

    public async ValueTask DisposeAsync() => await RemoveAsync(CancellationToken.None);

    private bool IsAbandoned =>
        StateFile.Read<Daemon>(OwnerFile) is { IsAlive: false };

    private async Task RemoveAsync(CancellationToken cancellationToken)
    {
        await Daemons.KillAsync(cancellationToken);
        Directory.Delete(Path, recursive: true);
    }
}
