using System.CommandLine;
using System.CommandLine.Invocation;
using Platform.ServiceDefaults.Hosting;
using Platform.ServiceDefaults.Logging;

namespace Operations.Cli;

/// <summary>Parses the command line of a program with verbs, and maps results to exit codes.</summary>
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

    /// <summary>Lets <c>--version</c> print the version of the platform: the programs have none of their own.</summary>
    public static void UseVersion(this RootCommand root, string name) => root.Options.OfType<VersionOption>().Single().Action = new PrintVersion(name);

    /// <summary>Parses and validates without running anything.</summary>
    public static ParseResult Parse(RootCommand root, IReadOnlyList<string> args)
    {
        // Directives serve shell completion and would consume an argument in brackets.
        root.Directives.Clear();
        return root.Parse(args, Literal);
    }

    /// <summary>The error in the arguments, in one line; null when they are valid.</summary>
    /// <param name="program">How users call it.</param>
    public static string? FindError(string program, ParseResult arguments)
    {
        if (arguments.Action is not ParseErrorAction)
        {
            return null;
        }

        var verb = arguments.CommandResult.Command is RootCommand ? program : $"{program} {arguments.CommandResult.Command.Name}";
        var errors = ShownText.WithoutControls(string.Join(" ", arguments.Errors.Select(error => error.Message)));
        var shown = errors.Length > MaxErrorLength ? $"{errors[..MaxErrorLength]} ..." : errors;
        return $"{verb}: {shown} See {verb} --help.";
    }

    /// <summary>Runs the verb.</summary>
    /// <param name="program">How users call it.</param>
    /// <param name="isForeseen">Exceptions, besides those of this program, whose messages are written for users.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(string program, RootCommand root, string[] args, Func<Exception, bool>? isForeseen = null)
    {
        DirectLoopback.Use();
        try
        {
            var arguments = Parse(root, args);
            if (FindError(program, arguments) is not { } error)
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
            // HttpClient reports a time-out as a cancellation.
            var isKnown = exception is CommandException or OperationCanceledException || isForeseen?.Invoke(exception) is true;
            await Console.Error.WriteLineAsync(isKnown ? exception.Message : ProcessEdge.Describe(program, exception));
            return 1;
        }
    }

    private sealed class PrintVersion(string name) : SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            parseResult.InvocationConfiguration.Output.WriteLine($"{name} {BuildVersion.Text}");
            return 0;
        }
    }
}
