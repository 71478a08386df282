using Platform.DevStack;

namespace Platform.IntegrationTests;

/// <summary>The worker of the last release, built from its tag once, or the worker of this build where there is no such tag.</summary>
/// <param name="Assembly">Null: of this build.</param>
/// <param name="Description">Which of the two, and why, for the output of the test.</param>
internal sealed record PreviousWorker(string? Assembly, string Description)
{
    /// <param name="tag">Such as <c>v1.0.0</c>.</param>
    /// <exception cref="SetupException">The tag cannot be built.</exception>
    public static async Task<PreviousWorker> FindAsync(string tag, CancellationToken cancellationToken)
    {
        if (Machine.FindProgram("git") is null)
        {
            return Current("git is not installed");
        }

        if (await ReadCommitAsync(tag, cancellationToken) is not { } commit)
        {
            return Current($"there is no tag {tag} in this checkout");
        }

        if (commit == await ReadCommitAsync("HEAD", cancellationToken))
        {
            return Current($"{tag} is the current commit");
        }

        var folder = Path.Combine(Machine.LocalFolder, "releases", commit);
        var assembly = Path.Combine(folder, "Processor.Worker.dll");
        if (!File.Exists(assembly))
        {
            await BuildAsync(commit, folder, cancellationToken);
        }

        return new PreviousWorker(assembly, $"The old worker is {tag}, built from commit {commit}.");
    }

    private static PreviousWorker Current(string why) => new(null, $"The old worker is the current build: {why}.");

    private static async Task<string?> ReadCommitAsync(string name, CancellationToken cancellationToken) =>
        await Machine.RunAsync("git", ["rev-parse", "--verify", "--quiet", $"{name}^{{commit}}"], cancellationToken) is { Succeeded: true, LastLine: var commit } ? commit : null;

    private static async Task BuildAsync(string commit, string folder, CancellationToken cancellationToken)
    {
        var source = Directory.CreateDirectory(folder + ".source").FullName;
        try
        {
            var archive = Path.Combine(source, "source.tar");
            (await Machine.RunAsync("git", ["archive", "--output", archive, commit], cancellationToken)).ThrowIfFailed("git archive");
            (await Machine.RunAsync("tar", ["--extract", "--file", archive], cancellationToken, source)).ThrowIfFailed("tar");
            var output = Path.Combine(source, "published");
            var project = Path.Combine("Processor.Worker", "Processor.Worker.csproj");
            (await Machine.RunAsync(
                // A build server would go on running after the tests.
                "dotnet", ["publish", project, "--configuration", "Release", "--output", output, "--disable-build-servers"], cancellationToken, source))
                .ThrowIfFailed($"building {commit}");
            // At once, so that a killed build leaves nothing that looks complete.
            Directory.Move(output, folder);
        }
        finally
        {
            Directory.Delete(source, recursive: true);
        }
    }
}
