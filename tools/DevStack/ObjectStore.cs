namespace Platform.DevStack;

/// <summary>A private S3 server (moto) on a free port of the loopback interface. It accepts any key, and keeps objects until it stops.</summary>
public static class ObjectStore
{
    /// <summary>What is missing where <see cref="StartAsync"/> returns null.</summary>
    public const string Requirement = "It needs moto's S3 server: apt-get install python3-moto where the distribution has it, or pip install 'moto[server]'.";

    private const string Program = "moto_server";

    public static bool IsInstalled => FindProgram() is not null;

    /// <returns>Its address; null when this machine has no such server and its distribution has none either.</returns>
    public static async Task<Uri?> StartAsync(string folder, DaemonRegistry daemons, CancellationToken cancellationToken)
    {
        if (!await ServerPackages.TryEnsureObjectStoreAsync(cancellationToken))
        {
            return null;
        }

        var port = Machine.FreePort();
        Directory.CreateDirectory(folder);
        var process = new ServerProcess(
            "the object store",
            daemons,
            () => Daemon.Start("moto", Path.Combine(folder, "log"), FindProgram() ?? Program, ["-H", "127.0.0.1", "-p", $"{port}"], folder: folder),
            token => Machine.AcceptsAsync(port, token));
        await process.StartAsync(cancellationToken);
        return new Uri($"http://127.0.0.1:{port}");
    }

    private static string? FindProgram() => Machine.FindProgram(Program, $"/usr/bin/{Program}");
}
