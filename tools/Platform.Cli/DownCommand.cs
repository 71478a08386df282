using System.CommandLine;
using Platform.DevStack;

namespace Platform.Cli;

/// <summary><c>./platform down</c>: stops the stack that <c>up</c> started, and nothing else.</summary>
internal static class DownCommand
{
    public static Command Create()
    {
        var purge = new Option<bool>("--purge") { Description = "Also delete the stack's data." };
        var command = new Command("down", "Stop the stack that up started.") { purge };
        command.SetAction(async (arguments, cancellationToken) =>
        {
            await Stack.StopAsync(cancellationToken);
            if (arguments.GetValue(purge))
            {
                await Stack.PurgeAsync(cancellationToken);
            }

            Console.WriteLine(arguments.GetValue(purge) ? "Stopped; data deleted." : "Stopped; data kept for the next up.");
            return 0;
        });
        return command;
    }
}
