using System.CommandLine;
using System.ComponentModel;
using Npgsql;
using Platform.DevStack;
using RabbitMQ.Client.Exceptions;

namespace Platform.Cli;

/// <summary>The verbs of <c>./platform</c>, all but <c>bench</c>.</summary>
internal static class PlatformCommands
{
    /// <summary>How users call the program.</summary>
    public const string Program = "./platform";

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
            ListenCommand.Create(),
            ReleaseCommand.Create(),
            RebuildCommand.Create(),
            WebhookSecretCommand.Create(),
            FaultsCommand.Create(),
        };
        OperationsVerbs.AddTo(root, FindLocalApi);
        root.UseVersion("platform");
        return root;
    }

    /// <summary>The message of the exception is written for users; that of a setup may include the end of a log.</summary>
    public static bool IsForeseen(Exception exception) =>
        exception is SetupException or NpgsqlException or BrokerUnreachableException or Win32Exception;

    /// <summary>The operations API of the local stack.</summary>
    /// <exception cref="SetupException">Nothing is up here.</exception>
    public static ApiAccess FindLocalApi() => Stack.Load()?.OperationsUrl is { } url
        ? new ApiAccess(url, Stack.LocalApiKey)
        : throw new SetupException("Nothing is up here: run ./platform up first, or give --url and --key.");
}
