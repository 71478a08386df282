namespace Processor.Worker.Release;

/// <summary>What the verb <c>release</c> is asked to do.</summary>
/// <param name="Ids">Only messages with these ids; all when it is empty.</param>
/// <param name="IsDryRun">Show what would be released, and release nothing.</param>
internal sealed record ReleaseRequest(ReleaseSource Source, IReadOnlySet<string> Ids, bool IsDryRun)
{
    public bool Includes(string id) => Ids.Count == 0 || Ids.Contains(id);

    /// <summary>Reads the options of the verb. What is not known is refused: a misspelt <c>--dry-run</c> must not release.</summary>
    public static bool TryParse(string[] options, out ReleaseRequest request, out string error)
    {
        var sources = new List<ReleaseSource>();
        var ids = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var isDryRun = false;
        error = "";
        for (var i = 0; i < options.Length; i++)
        {
            switch (options[i])
            {
                case "--error": sources.Add(ReleaseSource.Error); break;
                case "--dead": sources.Add(ReleaseSource.Dead); break;
                case "--quarantined": sources.Add(ReleaseSource.Quarantined); break;
                case "--dry-run": isDryRun = true; break;
                case "--id" when i + 1 < options.Length && !options[i + 1].StartsWith('-'): ids.Add(options[++i]); break;
                case "--id": error = "--id takes the id of a message, as release --dry-run shows it."; break;
                default: error = $"release has no option '{options[i]}'."; break;
            }
        }

        if (error.Length == 0 && sources.Count != 1)
        {
            error = "release takes one of --error, --dead and --quarantined.";
        }

        request = new ReleaseRequest(sources.FirstOrDefault(), ids, isDryRun);
        return error.Length == 0;
    }
}

/// <summary>Where messages are parked.</summary>
internal enum ReleaseSource
{
    /// <summary>The queue of what could not be processed.</summary>
    Error,

    /// <summary>The queue of what the broker gave up delivering.</summary>
    Dead,

    /// <summary>The table of signed bodies that were not usable events.</summary>
    Quarantined,
}
