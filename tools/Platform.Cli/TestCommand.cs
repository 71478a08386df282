using System.CommandLine;
using Platform.DevStack;

namespace Platform.Cli;

/// <summary><c>./platform test</c>: runs all tests on real servers.</summary>
internal static class TestCommand
{
    private static readonly string[] Projects =
        [.. Directory.GetDirectories(Path.Combine(Machine.Root, "tests"), "*Tests").Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal)];

    public static Command Create()
    {
        var docker = new Option<bool>("--docker") { Description = "Force broker and database in containers." };
        var native = new Option<bool>("--native") { Description = "Force private native broker and database." };
        var project = new Option<string?>("--project") { Description = "Run only this test project, such as Platform.IntegrationTests." };
        var command = new Command("test", "Run all tests; installs missing server packages.") { docker, native, project };
        command.TreatUnmatchedTokensAsErrors = false;
        command.Exclude(native, docker);
        project.Validators.Add(result =>
        {
            if (result.Tokens.Any(token => !Projects.Contains(token.Value)))
            {
                result.AddError($"--project must be one of {string.Join(", ", Projects)}.");
            }
        });
        command.SetAction(async (arguments, cancellationToken) =>
        {
            if (arguments.GetValue(docker) || arguments.GetValue(native))
            {
                Environment.SetEnvironmentVariable("TEST_SERVERS", arguments.GetValue(docker) ? "containers" : "native");
            }

            var servers = await TestServers.ChooseAsync(cancellationToken);
            Console.WriteLine($"Broker and database: {servers.Description}.");
            if (servers.Kind is TestServerKind.Native)
            {
                await ServerPackages.EnsureAllAsync(cancellationToken);
            }

            string[] what = arguments.GetValue(project) is { } name ? ["--project", $"tests/{name}"] : ["--solution", "Platform.sln"];
            return await Machine.ShowAsync(
                "dotnet",
                // Two projects at a time, since most tests wait; not more, because each starts its own servers.
                ["test", .. what, "--configuration", "Release", "--max-parallel-test-modules", "2", .. arguments.UnmatchedTokens],
                cancellationToken);
        });
        return command;
    }
}
