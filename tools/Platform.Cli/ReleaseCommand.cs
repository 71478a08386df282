using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using Platform.Contracts;
using Platform.DevStack;

namespace Platform.Cli;

/// <summary><c>./platform release</c>: runs the worker's verb of that name against the local stack.</summary>
internal static partial class ReleaseCommand
{
    private static readonly Option<bool> Error = new("--error") { Description = $"Messages that could not be processed: the queue {Topology.ErrorQueue}." };

    private static readonly Option<bool> Dead = new("--dead") { Description = $"Messages that the broker gave up delivering: the queue {Topology.DeadLetterQueue}." };

    private static readonly Option<bool> Quarantined = new("--quarantined")
    {
        Description = "Signed bodies that were not usable events and are now: the table quarantined_events.",
    };

    private static readonly Option<bool> Registrations = new("--registrations")
    {
        Description = $"Registrations that could not be used: the queue {Topology.RegisterJobErrorQueue}.",
    };

    private static readonly Option<bool> Notifications = new("--notifications") { Description = "Notifications that were given up: they are sent again." };

    private static readonly Option<bool> DryRun = new("--dry-run") { Description = "Show the parked messages and their reasons without releasing any." };

    private static readonly Option<bool>[] Sources = [Error, Dead, Quarantined, Registrations, Notifications];

    private static readonly Option<string[]> Ids = new("--id") { Description = "Only the message with this id, as shown by --dry-run. May be repeated." };

    public static Command Create()
    {
        var command = new Command("release", "Put parked messages back through the front of the pipeline.") { Error, Dead, Quarantined, Registrations, Notifications, DryRun, Ids };
        command.Validators.Add(RequireOneSource);
        command.SetAction((arguments, _) =>
        {
            var stack = Stack.Load() ?? throw new SetupException("Nothing is up here: run ./platform up first.");
            string[] verb =
            [
                "release",
                .. Sources.Append(DryRun).Where(arguments.GetValue).Select(flag => flag.Name),
                .. (arguments.GetValue(Ids) ?? []).SelectMany(id => new[] { Ids.Name, id }),
            ];
            // Ctrl-C reaches the verb too. Wait for it, because it reports what it has done.
            return Services.ShowVerbAsync(stack.RabbitMq, stack.Postgres, verb, CancellationToken.None);
        });
        return command;
    }

    // The same rules as in the worker (ReleaseRequest), checked here before anything starts.
    private static void RequireOneSource(CommandResult result)
    {
        if (Sources.Count(result.IsOn) != 1)
        {
            result.AddError("release takes one of --error, --dead, --quarantined, --registrations and --notifications.");
            return;
        }

        Predicate<string> isId = result.IsOn(Quarantined) ? BodyHash().IsMatch
            : result.IsOn(Notifications) ? id => id.Split(':', 3).Length == 3
            : id => Guid.TryParse(id, out _);
        foreach (var id in result.Texts(Ids).Where(id => !isId(id)))
        {
            result.AddError($"'{id}' is not the id of a parked message: release --dry-run shows them.");
        }
    }

    [GeneratedRegex("^[0-9A-Fa-f]{64}$")]
    private static partial Regex BodyHash();
}
