using System.Security.Cryptography;

namespace Processor.Worker.Release;

/// <summary>What to release.</summary>
/// <param name="Ids">Only messages with these ids; all when it is empty.</param>
/// <param name="IsDryRun">Shows what would be released, and releases nothing.</param>
internal sealed record ReleaseRequest(PlaceName Source, IReadOnlySet<string> Ids, bool IsDryRun)
{
    /// <summary>Only messages with this cause (<see cref="ParkedCause.Group"/>); null for all.</summary>
    public string? Group { get; init; }

    /// <summary>Messages released in a second, at most. Null: as fast as possible.</summary>
    public int? PerSecond { get; init; }

    public bool Includes(ParkedMessage message) =>
        (Ids.Count == 0 || Ids.Contains(message.Id)) && (Group is null || Group == message.Cause.Group);

    /// <summary>Parses the options. Unknown ones are rejected: a misspelt <c>--dry-run</c> must not release anything.</summary>
    public static bool TryParse(string[] options, out ReleaseRequest request, out string error)
    {
        var sources = new List<PlaceName>();
        var ids = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var isDryRun = false;
        error = "";
        for (var i = 0; i < options.Length; i++)
        {
            switch (options[i])
            {
                case "--error": sources.Add(PlaceName.Error); break;
                case "--dead": sources.Add(PlaceName.Dead); break;
                case "--quarantined": sources.Add(PlaceName.Quarantined); break;
                case "--registrations": sources.Add(PlaceName.Registrations); break;
                case "--notifications": sources.Add(PlaceName.Notifications); break;
                case "--dry-run": isDryRun = true; break;
                case "--id" when i + 1 < options.Length && !options[i + 1].StartsWith('-'): ids.Add(options[++i]); break;
                case "--id": error = "--id takes the id of a message, as release --dry-run shows it."; break;
                default: error = $"release has no option '{options[i]}'."; break;
            }
        }

        if (error.Length == 0 && sources.Count != 1)
        {
            error = "release takes one of --error, --dead, --quarantined, --registrations and --notifications.";
        }

        request = new ReleaseRequest(sources.FirstOrDefault(), ids, isDryRun);
        if (error.Length == 0 && ids.FirstOrDefault(id => !IsId(id, sources[0])) is { } wrong)
        {
            error = $"'{wrong}' is not the id of a message, as release --dry-run shows it.";
        }

        return error.Length == 0;
    }

    /// <summary>True for an id of a message in this place: a body is identified by its hash, a notification by its key, a message by its id.</summary>
    public static bool IsId(string text, PlaceName source) => source switch
    {
        PlaceName.Quarantined => text.Length == SHA256.HashSizeInBytes * 2 && text.All(char.IsAsciiHexDigit),
        PlaceName.Notifications => text.Split(':', 3).Length == 3,
        _ => Guid.TryParse(text, out _),
    };
}
