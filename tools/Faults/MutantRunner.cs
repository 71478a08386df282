using Platform.DevStack;

namespace Platform.Faults;

/// <summary>
/// Applies each mutant to a copy of the source and runs the check that must catch it. Each check first runs on the unchanged copy: a check
/// that fails there would "catch" every mutant.
/// </summary>
internal sealed class MutantRunner(int seed)
{
    private readonly string _tree = Path.Combine(Machine.LocalFolder, "mutants");

    /// <returns>How many were caught.</returns>
    public async Task<int> RunAsync(IReadOnlyList<Mutant> mutants, CancellationToken cancellationToken)
    {
        await CopyTreeAsync(cancellationToken);
        await ExpectPassesAsync(mutants.Select(mutant => mutant.Check), cancellationToken);
        var caught = 0;
        foreach (var mutant in mutants)
        {
            Console.WriteLine($"{mutant.Name} ...");
            var isCaught = await IsCaughtAsync(mutant, cancellationToken);
            caught += isCaught ? 1 : 0;
            Console.WriteLine($"  {(isCaught ? "caught" : "NOT CAUGHT")} by {mutant.Check}");
        }

        return caught;
    }

    private async Task<bool> IsCaughtAsync(Mutant mutant, CancellationToken cancellationToken)
    {
        var file = Path.Combine(_tree, mutant.File);
        var original = await File.ReadAllTextAsync(file, cancellationToken);
        await File.WriteAllTextAsync(file, mutant.Apply(original), cancellationToken);
        try
        {
            return !await PassesAsync(mutant.Check, cancellationToken);
        }
        finally
        {
            await File.WriteAllTextAsync(file, original, CancellationToken.None);
        }
    }

    private async Task ExpectPassesAsync(IEnumerable<Check> checks, CancellationToken cancellationToken)
    {
        foreach (var project in checks.GroupBy(check => check.Project))
        {
            var check = new Check(project.Key, [.. project.SelectMany(one => one.Filter).Distinct()]);
            Console.WriteLine($"unchanged source, {check} ...");
            if (!await PassesAsync(check, cancellationToken))
            {
                throw new SetupException($"{check}: fails without any mutant, so it proves nothing.");
            }
        }
    }

    /// <summary>A mutant that does not compile proves nothing, so a failed build is an error.</summary>
    private async Task<bool> PassesAsync(Check check, CancellationToken cancellationToken)
    {
        var (folder, project) = check.Project is { } tests ? ("tests", tests) : ("tools", "Platform.Cli");
        (await Machine.RunAsync(
            "dotnet",
            // A mutant may leave names unused and break style rules.
            ["build", Path.Combine(_tree, folder, project), "--configuration", "Release", "--verbosity", "quiet", "--nologo", "-p:TreatWarningsAsErrors=false", "-p:EnforceCodeStyleInBuild=false"],
            cancellationToken,
            _tree)).ThrowIfFailed($"building {project}");
        var program = Path.Combine(_tree, "artifacts", "bin", project, "release", $"{project}.dll");
        string[] arguments = check.Project is null
            ? ["faults", "--seed", $"{seed}", "--only", .. check.Filter]
            : [.. check.Filter.SelectMany(name => new[] { "-method", $"*.{name}" })];
        return (await Machine.RunAsync("env", ["TEST_SERVERS=native", "dotnet", program, .. arguments], cancellationToken, _tree)).Succeeded;
    }

    private async Task CopyTreeAsync(CancellationToken cancellationToken)
    {
        if (Directory.Exists(_tree))
        {
            Directory.Delete(_tree, recursive: true);
        }

        // Includes uncommitted files, excludes ignored ones.
        var files = (await Machine.RunAsync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], cancellationToken)).ThrowIfFailed("git ls-files").Output;
        foreach (var file in files.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(file => File.Exists(Path.Combine(Machine.Root, file))))
        {
            var target = Path.Combine(_tree, file);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(Path.Combine(Machine.Root, file), target);
        }
    }
}
