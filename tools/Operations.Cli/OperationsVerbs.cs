using System.CommandLine;

namespace Operations.Cli;

/// <summary>The verbs that need nothing but the operations API.</summary>
internal static class OperationsVerbs
{
    /// <param name="byDefault">The API that a verb uses when no address and key are given.</param>
    public static void AddTo(RootCommand root, Func<ApiAccess> byDefault)
    {
        root.Subcommands.Add(ListCommands.CreateEvents(byDefault));
        root.Subcommands.Add(ListCommands.CreateJobs(byDefault));
        root.Subcommands.Add(ParkedCommand.Create(byDefault));
        root.Subcommands.Add(ReplayCommand.Create(byDefault));
        root.Subcommands.Add(EraseCommand.Create(byDefault));
    }
}
