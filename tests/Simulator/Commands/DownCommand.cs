using System.CommandLine;
using Platform.LocalStack;

namespace Platform.Simulator.Commands;

/// <summary><c>./platform down</c>: stops what <c>up</c> started, and nothing else.</summary>
internal static class DownCommand
{
    public static Command Create()
    {
        var purge = new Option<bool>("--purge") { Description = "Remove its data too." };
        var command = new Command("down", "Stop what up started.") { purge };
        command.SetAction(async (arguments, cancellationToken) =>
        {
            await Stack.StopAsync(cancellationToken);
            if (arguments.GetValue(purge))
            {
                await Stack.PurgeAsync(cancellationToken);
            }

            Console.WriteLine(arguments.GetValue(purge) ? "Down, and its data is gone." : "Down. Its data stays for the next up.");
            return 0;
        });
        return command;
    }
}
