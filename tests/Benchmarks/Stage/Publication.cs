using Platform.LocalStack;

namespace Platform.Benchmarks.Stage;

/// <summary>
/// The programs as they are shipped: published as the Dockerfiles do it, so that what a project sets for its publish counts. They have been
/// built with this one.
/// </summary>
internal sealed class Publication
{
    private static readonly string[] Projects = ["Ingress.Api", "Processor.Worker", "tests/Benchmarks"];
    private static readonly string[] Sources = ["*.cs", "*.csproj", "*.props", "appsettings.json", "packages.lock.json"];

    private readonly string _folder = Path.Combine(Machine.LocalFolder, "bench", "publish");

    private string Stamp => Path.Combine(_folder, "stamp");

    /// <summary>Publishes everything, unless nothing has changed since the last time.</summary>
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

    /// <summary>The program of a project.</summary>
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
        string[] folders = ["Contracts", "Ingress.Api", "Processor.Worker", "tests/Benchmarks", "tests/LocalStack", "tests/Simulator"];
        var files = folders
            .SelectMany(folder => Sources.SelectMany(pattern =>
                Directory.EnumerateFiles(Path.Combine(Machine.Root, folder), pattern, SearchOption.AllDirectories)))
            .Concat(Directory.EnumerateFiles(Machine.Root, "*.props"));
        return files.All(file => File.GetLastWriteTimeUtc(file) < published);
    }
}
