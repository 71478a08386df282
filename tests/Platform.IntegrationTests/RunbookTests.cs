using Platform.DevStack;
using static Platform.IntegrationTests.TestPlatform;

namespace Platform.IntegrationTests;

/// <summary>The commands in the runbook exist.</summary>
public sealed class RunbookTests(ServersFixture servers)
{
    [Fact]
    public async Task Its_statements_run_on_the_schema()
    {
        await using var platform = await CreateAsync(servers);

        foreach (var statement in ReadBlocks("sql").SelectMany(block => block.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)))
        {
            await platform.ExecuteAsync(statement);
        }
    }

    [Fact]
    public async Task Its_commands_of_the_worker_run()
    {
        await using var platform = await CreateAsync(servers);

        foreach (var command in ReadCommands("Processor.Worker"))
        {
            var result = await Services.RunVerbAsync(platform.RabbitMq, platform.ConnectionString, command, Cancel);
            Assert.True(result.Succeeded, $"{string.Join(' ', command)}: {result.LastLine}");
        }
    }

    [Fact]
    public async Task Its_commands_of_the_broker_run()
    {
        await using var platform = await CreateOnOwnBrokerAsync(servers);

        foreach (var tool in new[] { "rabbitmqctl", "rabbitmq-diagnostics", "rabbitmq-queues", "rabbitmq-plugins" })
        {
            Assert.All(ReadCommands(tool), Assert.NotEmpty);
            foreach (var command in ReadCommands(tool))
            {
                await platform.OwnBroker.RunToolAsync(tool, Cancel, command);
            }
        }
    }

    [Fact]
    public async Task Its_verbs_of_the_local_stack_exist_with_their_options()
    {
        foreach (var command in ReadCommands("./platform"))
        {
            // The program that the script runs, from this build.
            var help = (await Machine.RunAsync("dotnet", [Path.Combine(AppContext.BaseDirectory, "Platform.Cli.dll"), command[0], "--help"], Cancel))
                .ThrowIfFailed(command[0]).Output;
            Assert.All(
                command.Where(argument => argument.StartsWith("--", StringComparison.Ordinal)),
                option => Assert.Contains(option, help, StringComparison.Ordinal));
        }
    }

    /// <summary>The distinct argument lists of calls in this form.</summary>
    private static string[][] ReadCommands(string program)
    {
        string[][] commands =
        [
            .. ReadBlocks("console").SelectMany(block => block.Split('\n'))
                .Where(line => line.StartsWith($"$ {program} ", StringComparison.Ordinal)).Distinct()
                .Select(line => line.Split(' ')[2..]),
        ];
        return commands.Length > 0 ? commands : throw new InvalidOperationException($"The runbook never calls {program}.");
    }

    private static IEnumerable<string> ReadBlocks(string language) =>
        File.ReadAllText(Path.Combine(Machine.Root, "docs", "runbook.md")).Split($"```{language}\n")[1..].Select(block => block.Split("\n```")[0]);
}
