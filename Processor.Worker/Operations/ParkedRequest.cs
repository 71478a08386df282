using System.Text.Json;
using System.Text.Json.Serialization;
using Processor.Worker.Release;

namespace Processor.Worker.Operations;

/// <summary>Which parked messages to release or to discard, and why.</summary>
/// <param name="Place"><c>error</c>, <c>dead</c>, <c>quarantined</c>, <c>notifications</c> or <c>registrations</c>.</param>
/// <param name="Group">A group of <c>GET /ops/parked</c>. Either this or <paramref name="Ids"/> is required.</param>
/// <param name="Ids">Ids of messages, at most 1000.</param>
/// <param name="Preview">Only counts.</param>
/// <param name="Reason">1 to 1000 characters, kept in the audit trail; not required for a preview.</param>
/// <param name="PerSecond">Messages released in a second: 1 to 10000, by default 500.</param>
internal sealed record ParkedRequest(
    string? Place, string? Group = null, string[]? Ids = null, bool Preview = false, string? Reason = null, int PerSecond = 500)
{
    private const int MaxIds = 1000;
    private const int MaxPerSecond = 10_000;

    public static string[] Places { get; } = [.. Enum.GetNames<PlaceName>().Select(name => name.ToLowerInvariant())];

    public static string PlaceError => $"must be one of {string.Join(", ", Places)}.";

    /// <summary>Members of the JSON that do not belong to the request.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Unknown { get; init; }

    /// <summary>For the audit trail.</summary>
    [JsonIgnore]
    public string Target => Group is not null ? $"{Place} group {Group}" : $"{Place} {string.Join(' ', Ids ?? [])}";

    public static PlaceName? FindPlace(string? text) =>
        text is not null && Places.Contains(text) ? Enum.Parse<PlaceName>(text, ignoreCase: true) : null;

    public Dictionary<string, string[]> FindErrors()
    {
        var errors = RequestRules.FindUnknown(Unknown);
        var place = FindPlace(Place);
        if (place is null)
        {
            errors["place"] = [PlaceError];
        }

        if ((Group is null) == (Ids is null or []))
        {
            errors["group"] = ["Either group or ids is required, and not both."];
        }

        if (Ids is { Length: > MaxIds } || place is { } known && Ids?.Any(id => id is null || !ReleaseRequest.IsId(id, known)) is true)
        {
            errors["ids"] = [$"must be at most {MaxIds} ids of messages of this place."];
        }

        if (!Preview && RequestRules.FindReasonError(Reason) is { } reasonError)
        {
            errors["reason"] = [reasonError];
        }

        if (PerSecond is < 1 or > MaxPerSecond)
        {
            errors["perSecond"] = [$"must be from 1 to {MaxPerSecond}."];
        }

        return errors;
    }

    /// <summary>The request as the verb <c>release</c> has it. Call it once there are no errors.</summary>
    public ReleaseRequest ToRelease() => new(FindPlace(Place)!.Value, new HashSet<string>(Ids ?? [], StringComparer.OrdinalIgnoreCase), Preview)
    {
        Group = Group,
        PerSecond = PerSecond,
    };
}
