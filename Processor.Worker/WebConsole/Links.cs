using Microsoft.AspNetCore.Http.Extensions;

namespace Processor.Worker.WebConsole;

/// <summary>Addresses of the console's pages.</summary>
internal static class Links
{
    public const string Root = "/console";
    public const string SignIn = $"{Root}/sign-in";
    public const string SignInCallback = $"{SignIn}/callback";
    public const string ProviderSignOut = $"{Root}/sign-out/provider";

    /// <summary>The id in the path of a request whose route has one.</summary>
    public static Guid Id(HttpContext http) => Guid.Parse((string)http.Request.RouteValues["id"]!);

    public static string Event(Guid id) => $"{Root}/events/{id}";

    /// <summary>The id is in the query: it may contain any character, and a server may normalise a path.</summary>
    public static string Job(string id) => To("job", ("id", id));

    public static string Replay(Guid id) => $"{Root}/replays/{id}";

    /// <summary>A page with these values in its query; without those that are null.</summary>
    public static string To(string page, params (string Name, string? Value)[] query)
    {
        var builder = new QueryBuilder();
        foreach (var (name, value) in query)
        {
            if (value is not null)
            {
                builder.Add(name, value);
            }
        }

        return $"{Root}/{page}{builder}";
    }

    /// <summary>The same page, or what is below it, with another value in its query.</summary>
    public static string With(HttpRequest request, string name, string? value, string below = "")
    {
        var builder = new QueryBuilder(request.Query.Where(one => one.Key != name && one.Value is not [""]));
        if (value is not null)
        {
            builder.Add(name, value);
        }

        return $"{request.Path}{below}{builder}";
    }

    /// <summary>A path of the console from a query; its first page when it is anything else, so that no link leads a user elsewhere.</summary>
    public static string Local(string? path) =>
        path is not null && (path == Root || path.StartsWith($"{Root}/", StringComparison.Ordinal) || path.StartsWith($"{Root}?", StringComparison.Ordinal))
            && path.All(character => character is > ' ' and <= '~' and not '\\')
            ? path
            : Root;
}
