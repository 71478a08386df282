using Platform.DevStack;

namespace Platform.Benchmarks.Stage;

/// <summary>
/// The programs as shipped: published like in the Dockerfile, so that each project's publish settings apply. They were built together with
/// this program.
/// </summary>
internal sealed class Publication
{
    private static readonly string[] Projects = ["Ingress.Api", "Processor.Worker", "tools/Benchmarks"];
    private static readonly string[] Sources = ["*.cs", "*.csproj", "*.props", "appsettings.json", "packages.lock.json"];

    private readonly string _folder = Path.Combine(Machine.LocalFolder, "bench", "publish");

    private string Stamp => Path.Combine(_folder, "stamp");

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
        await File.WriteAllTextAsync(publication.Stamp, "", cancellationToken);
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
