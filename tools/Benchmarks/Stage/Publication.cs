using System.Security.Cryptography;
using Platform.DevStack;

namespace Platform.Benchmarks.Stage;

/// <summary>
/// The programs as shipped: published like in the Dockerfile, so that each project's publish settings apply. They were built together with
/// this program.
/// </summary>
internal sealed class Publication
{
    private const int HashLength = 8;

    private static readonly string[] Projects = ["Ingress.Api", "Processor.Worker", "tools/Benchmarks"];
    private static readonly string[] OwnAssemblies = ["Contracts", "ServiceDefaults", "Ingress.Api", "Processor.Worker", "Benchmarks"];
    private static readonly string[] Sources = ["*.cs", "*.csproj", "*.props", "appsettings.json", "packages.lock.json"];

    private readonly string _folder = Path.Combine(Machine.LocalFolder, "bench", "publish");

    private string Stamp => Path.Combine(_folder, "stamp");

    /// <summary>
    /// The commit of the programs, with + and a hash of them when there were uncommitted changes: figures of different builds are never taken
    /// for each other.
    /// </summary>
    public string Build => File.ReadAllText(Stamp);

    /// <summary>Publishes everything unless nothing has changed since the last run.</summary>
    public static async Task<Publication> CreateAsync(CancellationToken cancellationToken)
    {
        var publication = new Publication();
        if (publication.IsCurrent())
        {
            return publication;
        }

        if (Directory.Exists(publication._folder))
        {
            Directory.Delete(publication._folder, recursive: true);
        }

        Progress.Say($"publishing {string.Join(", ", Projects)}");
        await Task.WhenAll(Projects.Select(project => publication.PublishAsync(project, cancellationToken)));
        await File.WriteAllTextAsync(publication.Stamp, await publication.DescribeAsync(cancellationToken), cancellationToken);
        return publication;
    }

    /// <summary>The published program of a project.</summary>
    public string Find(string project) => Path.Combine(_folder, project, $"{project}.dll");

    private async Task PublishAsync(string project, CancellationToken cancellationToken)
    {
        var output = Path.Combine(_folder, Path.GetFileName(project));
        var result = await Machine.RunAsync(
            "dotnet", ["publish", project, "--no-build", "--configuration", "Release", "--output", output, "--nologo"], cancellationToken);
        result.ThrowIfFailed($"Publishing {project}");
    }

    private async Task<string> DescribeAsync(CancellationToken cancellationToken)
    {
        var commit = await Machine.RunAsync("git", ["rev-parse", "--short", "HEAD"], cancellationToken);
        var changes = await Machine.RunAsync("git", ["status", "--porcelain"], cancellationToken);
        var name = commit.Succeeded ? commit.LastLine : "unknown";
        return commit.Succeeded && changes.Output.Length == 0 ? name : $"{name}+{await HashAsync(cancellationToken)}";
    }

    private async Task<string> HashAsync(CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var file in Projects.SelectMany(FindOwn).Order(StringComparer.Ordinal))
        {
            hash.AppendData(await File.ReadAllBytesAsync(file, cancellationToken));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset())[..HashLength];
    }

    /// <summary>The assemblies of this repository in a published project.</summary>
    private IEnumerable<string> FindOwn(string project) => OwnAssemblies
        .Select(name => Path.Combine(_folder, Path.GetFileName(project), $"{name}.dll"))
        .Where(File.Exists);

    private bool IsCurrent()
    {
        if (!File.Exists(Stamp))
        {
            return false;
        }

        var published = File.GetLastWriteTimeUtc(Stamp);
        string[] folders =
        [
            "Contracts", "ServiceDefaults", "Ingress.Api", "Processor.Worker", "tools/Benchmarks", "tools/DevStack", "tools/MagicHour.Simulator", "tools/Platform.Cli",
        ];
        var files = folders
            .SelectMany(folder => Sources.SelectMany(pattern =>
                Directory.EnumerateFiles(Path.Combine(Machine.Root, folder), pattern, SearchOption.AllDirectories)))
            .Concat(Directory.EnumerateFiles(Machine.Root, "*.props"));
        return files.All(file => File.GetLastWriteTimeUtc(file) < published);
    }
}
