using System.CommandLine;
using Platform.DevStack;

namespace Platform.Cli;

/// <summary><c>./platform rebuild</c>: runs the worker's verb of that name against the local stack.</summary>
internal static class RebuildCommand
{
    private static readonly Option<string?> Job = new("--job") { Description = "Only the job with this id." };

    private static readonly Option<bool> Check = new("--check") { Description = "Name the jobs that differ, and the columns, without writing them; exit code 1 when there is one." };

    public static Command Create()
    {
        var command = new Command("rebuild", "Compare jobs with their events, and write those that differ.") { Job, Check };
        command.SetAction((arguments, _) =>
        {
            var stack = Stack.Load() ?? throw new SetupException("Nothing is up here: run ./platform up first.");
            string[] verb =
            [
                "rebuild",
                .. arguments.GetValue(Job) is { } jobId ? [Job.Name, jobId] : Array.Empty<string>(),
                .. arguments.GetValue(Check) ? [Check.Name] : Array.Empty<string>(),
            ];
            // Ctrl-C reaches the verb too. Wait for it, because it reports what it has done.
            return Services.ShowVerbAsync(stack.RabbitMq, stack.Postgres, verb, CancellationToken.None);
        });
        return command;
    }
}
