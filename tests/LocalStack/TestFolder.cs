using System.Text.Json;

namespace Platform.LocalStack;

/// <summary>
/// A folder for what one test run starts. A run that is killed cannot clean up: the next one ends what it left behind.
/// </summary>
public sealed class TestFolder : IAsyncDisposable
{
    private TestFolder(string path)
    {
        Path = path;
        Daemons = new DaemonRegistry(System.IO.Path.Combine(path, "daemons.json"));
    }

    public string Path { get; }

    /// <summary>What ends with this folder.</summary>
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
        await File.WriteAllTextAsync(created.OwnerFile, JsonSerializer.Serialize(Daemon.OfThisProcess()), cancellationToken);
        return created;
    }

    public async ValueTask DisposeAsync() => await RemoveAsync(CancellationToken.None);

    private bool IsAbandoned =>
        File.Exists(OwnerFile) && JsonSerializer.Deserialize<Daemon>(File.ReadAllText(OwnerFile)) is { IsAlive: false };

    private async Task RemoveAsync(CancellationToken cancellationToken)
    {
        await Daemons.KillAsync(cancellationToken);
        Directory.Delete(Path, recursive: true);
    }
}
