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
        arguments = new Arguments(null, Roles.All, args);
        error = "";
        if (args is ["release", .. var options])
        {
            var isUnderstood = ReleaseRequest.TryParse(options, out var request, out error);
            arguments = new Arguments(Worker.Verb.Release, Roles.None, []) { Release = request };
            return isUnderstood;
        }

        if (args is [var verb, ..] && !verb.StartsWith('-'))
        {
            arguments = arguments with { Verb = verb == "migrate" ? Worker.Verb.Migrate : null, Host = args[1..] };
            error = arguments.Verb is null ? $"'{verb}' is not a verb." : "";
        }

        if (Array.IndexOf(args, "--roles") is var at and >= 0)
        {
            var roles = at + 1 < args.Length ? ReadRoles(args[at + 1]) : Roles.None;
            arguments = arguments with { Roles = roles, Host = [.. args[..at], .. args.Skip(at + 2)] };
            error = roles is Roles.None ? "--roles takes one or more of consume, notify, api, with commas between them." : "";
        }

        return error.Length == 0;
    }

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
