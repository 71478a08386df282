using System.Security.Cryptography;

namespace Processor.Worker.Release;

/// <summary>The options of the verb <c>release</c>.</summary>
/// <param name="Ids">Only messages with these ids; all when it is empty.</param>
/// <param name="IsDryRun">Shows what would be released, and releases nothing.</param>
internal sealed record ReleaseRequest(ReleaseSource Source, IReadOnlySet<string> Ids, bool IsDryRun)
{
    public bool Includes(string id) => Ids.Count == 0 || Ids.Contains(id);

    /// <summary>Parses the options. Unknown ones are rejected: a misspelt <c>--dry-run</c> must not release anything.</summary>
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
        if (error.Length == 0 && ids.FirstOrDefault(id => !IsId(id, sources[0])) is { } wrong)
        {
            error = $"'{wrong}' is not the id of a message, as release --dry-run shows it.";
        }

        return error.Length == 0;
    }

    // A body is identified by its hash, a message by its id.
    private static bool IsId(string text, ReleaseSource source) =>
        source is ReleaseSource.Quarantined ? text.Length == SHA256.HashSizeInBytes * 2 && text.All(char.IsAsciiHexDigit) : Guid.TryParse(text, out _);
}

/// <summary>Where messages are parked.</summary>
internal enum ReleaseSource
{
    /// <summary>The queue of messages that could not be processed.</summary>
    Error,

    /// <summary>The queue of messages that the broker gave up delivering.</summary>
    Dead,

    /// <summary>The table of signed bodies that were not usable events.</summary>
    Quarantined,
}
