using Processor.Worker.Release;

namespace Processor.Worker;

/// <summary>The command line: a verb, or the roles of a running worker.</summary>
/// <param name="Verb">Null to run as a worker.</param>
/// <param name="Host">What is left, for the host: settings such as <c>--urls</c>.</param>
internal sealed record Arguments(Verb? Verb, Roles Roles, string[] Host)
{
    public const string Usage =
        """
        Processor.Worker [--roles consume,notify,api]   runs as a worker, in all roles unless told which
        Processor.Worker migrate                        brings database schema and broker topology up to date, and exits
        Processor.Worker release --error | --dead | --quarantined [--id ID]... [--dry-run]
                                                        puts parked messages back through the front of the pipeline, and exits
        """;

    /// <summary>Null unless the verb is <see cref="Verb.Release"/>.</summary>
    public ReleaseRequest? Release { get; private init; }

    public static bool TryParse(string[] args, out Arguments arguments, out string error)
    {
        arguments = new Arguments(null, Roles.All, []);
        error = "";
        if (args is ["release", .. var options])
        {
            var isUnderstood = ReleaseRequest.TryParse(options, out var request, out error);
            arguments = new Arguments(Worker.Verb.Release, Roles.None, []) { Release = request };
            return isUnderstood;
        }

        for (var rest = args.AsSpan(); !rest.IsEmpty && error.Length == 0;)
        {
            if (rest[0].StartsWith('-'))
            {
                var (name, value) = ReadOption(ref rest);
                (arguments, error) = arguments.WithOption(name, value);
            }
            else
            {
                arguments = arguments with { Verb = Worker.Verb.Migrate };
                error = rest[0] == "migrate" ? "" : $"'{rest[0]}' is not a verb.";
                rest = rest[1..];
            }
        }

        return error.Length == 0;
    }

    // Every option takes a value, in either way of writing it.
    private static (string Name, string? Value) ReadOption(ref Span<string> rest)
    {
        var parts = rest[0].Split('=', 2);
        var value = parts is [_, var written] ? written : rest is [_, var next, ..] ? next : null;
        rest = rest[Math.Min(rest.Length, parts.Length == 2 ? 1 : 2)..];
        return (parts[0], value);
    }

    private (Arguments Arguments, string Error) WithOption(string name, string? value) => name switch
    {
        "--roles" when ReadRoles(value ?? "") is var roles and not Roles.None => (this with { Roles = roles }, ""),
        "--roles" => (this, "--roles takes one or more of consume, notify, api, with commas between them."),
        _ when !IsForHost(name) => (this, $"'{name}' is not an option."),
        _ when value is null => (this, $"{name} takes a value."),
        _ => (this with { Host = [.. Host, name, value] }, ""),
    };

    // A setting has its section's name before a colon.
    private static bool IsForHost(string name) =>
        name.Contains(':') || name.ToLowerInvariant() is "--urls" or "--environment" or "--contentroot" or "--applicationname";

    private static Roles ReadRoles(string list)
    {
        var roles = Roles.None;
        foreach (var name in list.Split(',', StringSplitOptions.TrimEntries))
        {
            if (name is not ("consume" or "notify" or "api"))
            {
                return Roles.None;
            }

            roles |= Enum.Parse<Roles>(name, ignoreCase: true);
        }

        return roles;
    }
}

/// <summary>What the image can do beside running.</summary>
internal enum Verb
{
    Migrate,
    Release,
}
