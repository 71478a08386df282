using System.CommandLine;
using System.CommandLine.Invocation;
using Platform.ServiceDefaults.Hosting;

namespace Platform.Cli;

/// <summary>The verbs of <c>./platform</c>, all but <c>bench</c>.</summary>
internal static class PlatformCommands
{
    public static RootCommand Create()
    {
        var root = new RootCommand("The commands of ./platform.")
        {
            UpCommand.Create(),
            DownCommand.Create(),
            TestCommand.Create(),
            SendCommand.Create(),
            StormCommand.Create(),
            MagicHourCommand.Create(),
            JobCommand.Create(),
            ListCommands.CreateEvents(),
            ListCommands.CreateJobs(),
            ListenCommand.Create(),
            ParkedCommand.Create(),
            ReplayCommand.Create(),
            EraseCommand.Create(),
            ReleaseCommand.Create(),
            RebuildCommand.Create(),
            WebhookSecretCommand.Create(),
            FaultsCommand.Create(),
        };
        // It would print the version of this program, which is not shipped and has none.
        root.Options.OfType<VersionOption>().Single().Action = new PrintVersion();
        return root;
    }

    private sealed class PrintVersion : SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            parseResult.InvocationConfiguration.Output.WriteLine($"platform {BuildVersion.Text}");
            return 0;
        }
    }
}
