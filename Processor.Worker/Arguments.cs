using Platform.ServiceDefaults.Hosting;
using Platform.ServiceDefaults.Logging;
using Platform.ServiceDefaults.Settings;
using Processor.Worker.Rebuild;
using Processor.Worker.Release;

namespace Processor.Worker;

/// <summary>The command line: a verb, or the roles of a running worker.</summary>
/// <param name="Verb">Null to run as a worker.</param>
/// <param name="Host">The remaining arguments, passed to the host: settings such as <c>--urls</c>.</param>
internal sealed record Arguments(Verb? Verb, Roles Roles, string[] Host)
{
    public const string Usage =
        """
        Processor.Worker [--roles consume,notify,api,reconcile,archive]
                                                        runs as a worker, in all roles by default
        Processor.Worker migrate [--plan]               brings database schema and broker topology up to date, or prints how, and exits
        Processor.Worker release --error | --dead | --quarantined | --registrations | --notifications [--id ID]... [--dry-run]
                                                        puts parked messages back through the front of the pipeline, and exits
        Processor.Worker retention [--dry-run]          drops what has expired, and exits
        Processor.Worker rebuild [--job ID] [--check]   compares jobs with their events and writes those that differ, and exits
        Processor.Worker --version                      prints the version, and exits
        """;

    // As ASP.NET Core splits ASPNETCORE_URLS.
    private const StringSplitOptions UrlSplit = StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries;

    /// <summary>Null unless the verb is <see cref="Verb.Release"/>.</summary>
    public ReleaseRequest? Release { get; private init; }

    /// <summary>Null unless the verb is <see cref="Verb.Rebuild"/>.</summary>
    public RebuildRequest? Rebuild { get; private init; }

    /// <summary>With <see cref="Verb.Retention"/> or <see cref="Verb.Migrate"/>: shows what would be done, and does nothing.</summary>
    public bool IsDryRun { get; private init; }

    /// <param name="error">The problem, in one line; empty when the arguments are valid.</param>
    public static bool TryParse(string[] args, out Arguments arguments, out string error)
    {
        var isUnderstood = TryRead(args, out arguments, out error);
        error = ShownText.OneLine(error);
        return isUnderstood;
    }

    private static bool TryRead(string[] args, out Arguments arguments, out string error)
    {
        arguments = new Arguments(null, Roles.All, []);
        error = "";
        if (args is ["release", .. var options])
        {
            var isUnderstood = ReleaseRequest.TryParse(options, out var request, out error);
            arguments = new Arguments(Worker.Verb.Release, Roles.None, []) { Release = request };
            return isUnderstood;
        }

        if (args is ["rebuild", .. var choices])
        {
            var isUnderstood = RebuildRequest.TryParse(choices, out var request, out error);
            arguments = new Arguments(Worker.Verb.Rebuild, Roles.None, []) { Rebuild = request };
            return isUnderstood;
        }

        if (args is ["retention", .. var switches])
        {
            // Unknown ones are rejected: a misspelt --dry-run must not drop anything.
            var unknown = switches.FirstOrDefault(option => option != "--dry-run");
            error = unknown is null ? "" : $"retention has no option '{unknown}'.";
            arguments = new Arguments(Worker.Verb.Retention, Roles.None, []) { IsDryRun = switches.Length > 0 };
            return unknown is null;
        }

        if (args is [var only] && only.Equals(BuildVersion.Option, StringComparison.OrdinalIgnoreCase))
        {
            arguments = new Arguments(Worker.Verb.Version, Roles.None, []);
            return true;
        }

        for (var rest = args.AsSpan(); !rest.IsEmpty && error.Length == 0;)
        {
            if (rest[0] == "--plan")
            {
                arguments = arguments with { IsDryRun = true };
                rest = rest[1..];
            }
            else if (rest[0].StartsWith('-'))
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

        if (error.Length == 0 && arguments is { IsDryRun: true, Verb: not Worker.Verb.Migrate })
        {
            error = "--plan is an option of migrate.";
        }

        return error.Length == 0;
    }

    // Every other option takes a value: --name value or --name=value.
    private static (string Name, string? Value) ReadOption(ref Span<string> rest)
    {
        var parts = rest[0].Split('=', 2);
        var name = parts[0].Contains(':') ? parts[0] : parts[0].ToLowerInvariant();
        var value = parts is [_, var written] ? written : rest is [_, var next, ..] ? next : null;
        rest = rest[Math.Min(rest.Length, parts.Length == 2 ? 1 : 2)..];
        return (name, value);
    }

    private (Arguments Arguments, string Error) WithOption(string name, string? value) => name switch
    {
        "--roles" when ReadRoles(value ?? "") is var roles and not Roles.None => (this with { Roles = roles }, ""),
        "--roles" => (this, "--roles takes one or more of consume, notify, api, reconcile, archive, with commas between them."),
        BuildVersion.Option => (this, $"{BuildVersion.Option} is used alone, without a value."),
        _ when !IsForHost(name) => (this, $"'{name}' is not an option."),
        _ when value is null => (this, $"{name} takes a value."),
        "--urls" when value.Split(';', UrlSplit).Select(ListenAddresses.FindUrlError).FirstOrDefault(error => error is not null) is { } error => (this, error),
        "--contentroot" when !Directory.Exists(value) => (this, $"--contentroot: there is no folder '{value}'."),
        _ => (this with { Host = [.. Host, name, value] }, ""),
    };

    // The name of a setting contains a colon after its section.
    private static bool IsForHost(string name) =>
        name.StartsWith("--", StringComparison.Ordinal)
        && (name.Contains(':') || name is "--urls" or "--environment" or "--contentroot" or "--applicationname");

    private static Roles ReadRoles(string list)
    {
        var roles = Roles.None;
        foreach (var name in list.Split(',', StringSplitOptions.TrimEntries))
        {
            if (name is not ("consume" or "notify" or "api" or "reconcile" or "archive"))
            {
                return Roles.None;
            }

            roles |= Enum.Parse<Roles>(name, ignoreCase: true);
        }

        return roles;
    }
}

/// <summary>Commands of the image other than running a worker.</summary>
internal enum Verb
{
    Migrate,
    Release,
    Retention,
    Rebuild,

    /// <summary>Written as an option, <c>--version</c>.</summary>
    Version,
}
