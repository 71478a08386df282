using System.CommandLine;
using Platform.LocalStack;

namespace Platform.Simulator.Commands;

/// <summary><c>./platform test</c>: all tests, on real servers.</summary>
internal static class TestCommand
{
    public static Command Create()
    {
        var docker = new Option<bool>("--docker") { Description = "Broker and database in containers, whatever the machine offers." };
        var native = new Option<bool>("--native") { Description = "Private native broker and database, whatever the machine offers." };
        var project = new Option<string?>("--project") { Description = "Only this test project, such as Platform.IntegrationTests." };
        var command = new Command("test", "Run all tests; what is missing for them is installed.") { docker, native, project };
        command.TreatUnmatchedTokensAsErrors = false;
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
                await ServerPackages.EnsureAsync(cancellationToken, withPrometheus: true);
                await ServerPackages.EnsureMailServerAsync(cancellationToken);
            }

            string[] what = arguments.GetValue(project) is { } name ? ["--project", $"tests/{name}"] : ["--solution", "Platform.sln"];
            return await Machine.ShowAsync(
                "dotnet",
                // One project at a time: each starts servers of its own.
                ["test", .. what, "--configuration", "Release", "--max-parallel-test-modules", "1", .. arguments.UnmatchedTokens],
                cancellationToken);
        });
        return command;
    }
}
