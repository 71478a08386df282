using System.CommandLine;
using Platform.Contracts;
using Platform.LocalStack;

namespace Platform.Simulator.Commands;

/// <summary><c>./platform release</c>: the worker's verb of that name, on the local stack.</summary>
internal static class ReleaseCommand
{
    private static readonly Option<bool>[] Flags =
    [
        new("--error") { Description = $"What could not be processed: the queue {Topology.ErrorQueue}." },
        new("--dead") { Description = $"What the broker gave up delivering: the queue {Topology.DeadLetterQueue}." },
        new("--quarantined") { Description = "What was signed and was no usable event, and is one today: the table quarantined_events." },
        new("--dry-run") { Description = "Show what is parked and why, and release nothing." },
    ];

    private static readonly Option<string[]> Ids = new("--id") { Description = "Only this message, by the id that is shown. May be given several times." };

    public static Command Create()
    {
        var command = new Command("release", "Put parked messages back through the front of the pipeline.") { Ids };
        foreach (var flag in Flags)
        {
            command.Add(flag);
        }

        command.SetAction((arguments, _) =>
        {
            var stack = Stack.Load() ?? throw new SetupException("Nothing is up here: run ./platform up first.");
            string[] verb =
            [
                "release",
                .. Flags.Where(arguments.GetValue).Select(flag => flag.Name),
                .. (arguments.GetValue(Ids) ?? []).SelectMany(id => new[] { Ids.Name, id }),
            ];
            // Ctrl-C reaches the verb too; it is waited for, because it says what it has done.
            return Services.ShowVerbAsync(stack.RabbitMq, stack.Postgres, verb, CancellationToken.None);
        });
        return command;
    }
}
