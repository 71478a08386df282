using System.CommandLine;
using System.Text.Json;

namespace Operations.Cli;

/// <summary>The options of every verb that uses the operations API.</summary>
internal static class OperationsOptions
{
    private const string UrlVariable = "OPERATIONS_URL";
    private const string KeyVariable = "OPERATIONS_KEY";

    public static readonly Option<string?> Url = new("--url") { Description = $"Address of the operations API, such as http://127.0.0.1:8081. By default {UrlVariable}, or the one here." };

    public static readonly Option<string?> Key = new("--key") { Description = $"A key of the API. By default {KeyVariable}, which other users of the machine do not see." };

    public static readonly Option<bool> Json = new("--json") { Description = "Print the API's JSON." };

    /// <summary>Adds the options, and runs the verb with a client.</summary>
    /// <param name="byDefault">The API when no address is given.</param>
    public static Command UseApi(this Command command, Func<ApiAccess> byDefault, Func<OperationsClient, ParseResult, CancellationToken, Task<int>> run)
    {
        command.Options.Add(Url);
        command.Options.Add(Key);
        command.Options.Add(Json);
        command.Validators.Add(result =>
        {
            foreach (var error in result.Texts(Url).Select(url => FindUrlError(Url.Name, url)).OfType<string>())
            {
                result.AddError(error);
            }
        });
        command.SetAction(async (arguments, cancellationToken) =>
        {
            using var client = new OperationsClient(FindApi(arguments, byDefault));
            return await run(client, arguments, cancellationToken);
        });
        return command;
    }

    private static ApiAccess FindApi(ParseResult arguments, Func<ApiAccess> byDefault)
    {
        var url = arguments.GetValue(Url) ?? ReadUrlVariable();
        var key = arguments.GetValue(Key) ?? Environment.GetEnvironmentVariable(KeyVariable);
        var api = url is null ? byDefault() : new ApiAccess(url, Key: null);
        return key is null && api.Key is null
            ? throw new CommandException($"Give a key of the operations API at {api.Url}: --key, or {KeyVariable}.")
            : api with { Key = key ?? api.Key };
    }

    private static string? ReadUrlVariable() => Environment.GetEnvironmentVariable(UrlVariable) is not { } url ? null
        : FindUrlError(UrlVariable, url) is { } error ? throw new CommandException(error)
        : url;

    private static string? FindUrlError(string name, string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var address) && address.Scheme is ("http" or "https")
            ? null
            : $"{name} must be the address of the operations API, such as http://127.0.0.1:8081.";

    /// <summary>The query of a list: the filters that are given.</summary>
    public static string Query(this ParseResult arguments, IEnumerable<Option<string?>> filters)
    {
        string[] given =
        [
            .. from filter in filters
               let value = arguments.GetValue(filter)
               where value is not null
               select $"{filter.Name.TrimStart('-')}={Uri.EscapeDataString(value)}",
        ];
        return string.Join('&', given);
    }

    /// <summary>Prints what the API answered: as JSON if that is asked for, otherwise as a table.</summary>
    public static void Print(this ParseResult arguments, JsonElement answer, IReadOnlyList<JsonElement> rows, params string[] columns)
    {
        if (arguments.GetValue(Json))
        {
            Console.WriteLine(answer);
            return;
        }

        if (rows.Count == 0)
        {
            Console.Error.WriteLine("There is none.");
            return;
        }

        TextTable.Write(Console.Out, rows, columns);
    }
}
