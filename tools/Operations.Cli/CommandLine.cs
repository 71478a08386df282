using System.CommandLine;
using System.CommandLine.Invocation;
using System.ComponentModel;
using Npgsql;
using Platform.DevStack;
using Platform.ServiceDefaults.Hosting;
using Platform.ServiceDefaults.Logging;
using RabbitMQ.Client.Exceptions;

namespace Platform.Cli;

/// <summary>Parses the command lines of the programs behind <c>./platform</c>, and maps results to exit codes.</summary>
internal static class CommandLine
{
    public const int WrongUsage = 2;

    // The exit code that shells report after Ctrl-C.
    private const int Interrupted = 130;

    private const int MaxErrorLength = 400;

    // An argument that begins with @ is a value, not a response file.
    private static readonly ParserConfiguration Literal = new() { ResponseFileTokenReplacer = null };

    private static readonly InvocationConfiguration Invocation =
        new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromMinutes(2) };

    /// <summary>Parses and validates without running anything.</summary>
    public static ParseResult Parse(RootCommand root, IReadOnlyList<string> args)
    {
        // Directives serve shell completion and would consume an argument in brackets.
        root.Directives.Clear();
        return root.Parse(args, Literal);
    }

    /// <summary>The error in the arguments, in one line; null when they are valid.</summary>
    public static string? FindError(ParseResult arguments)
    {
        if (arguments.Action is not ParseErrorAction)
        {
            return null;
        }

        var verb = arguments.CommandResult.Command is RootCommand ? "./platform" : $"./platform {arguments.CommandResult.Command.Name}";
        var errors = ShownText.WithoutControls(string.Join(" ", arguments.Errors.Select(error => error.Message)));
        var shown = errors.Length > MaxErrorLength ? $"{errors[..MaxErrorLength]} ..." : errors;
        return $"{verb}: {shown} See {verb} --help.";
    }

    public static async Task<int> RunAsync(RootCommand root, string[] args)
    {
        DirectLoopback.Use();
        try
        {
            var arguments = Parse(root, args);
            if (FindError(arguments) is not { } error)
            {
                return await arguments.InvokeAsync(Invocation);
            }

            await Console.Error.WriteLineAsync(error);
            return WrongUsage;
        }
        catch (OperationCanceledException exception) when (exception.InnerException is not TimeoutException)
        {
            return Interrupted;
        }
        catch (Exception exception)
        {
            await Console.Error.WriteLineAsync(IsForeseen(exception) ? exception.Message : ProcessEdge.Describe("./platform", exception));
            return 1;
        }
    }

    // These messages are written for users; a setup message may include the end of a log. HttpClient reports a time-out as a cancellation.
    private static bool IsForeseen(Exception exception) =>
        exception is SetupException or NpgsqlException or BrokerUnreachableException or Win32Exception or OperationCanceledException;
}
