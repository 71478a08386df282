using System.Text.Json;
using System.Text.Json.Serialization;
using Platform.Contracts;
using Processor.Worker.Events;
using Processor.Worker.Replays;

namespace Processor.Worker.Operations;

/// <summary>Which events to replay, what of them, and why.</summary>
/// <param name="Filter">At least one condition; without <c>to</c>, events received until now.</param>
/// <param name="What"><c>events</c>, <c>notifications</c> or both; by default <c>events</c>.</param>
/// <param name="Preview">Only counts.</param>
/// <param name="Reason">1 to 1000 characters, kept in the audit trail; not required for a preview.</param>
/// <param name="PerSecond">Events in a second, by all workers together: 1 to 1000, by default 100.</param>
/// <param name="Identity">
/// <c>same</c>, the default: domain events keep their message ids, and subscribers drop what they have. <c>new</c>: subscribers apply them again.
/// </param>
internal sealed record ReplayRequest(
    EventFilter? Filter,
    string[]? What = null,
    bool Preview = false,
    string? Reason = null,
    int PerSecond = 100,
    string Identity = ReplayRequest.SameIds)
{
    public const string SameIds = "same";
    public const string NewIds = "new";
    public const string DomainEvents = "events";
    public const string Notifications = "notifications";

    private const int MaxPerSecond = 1000;

    /// <summary>Members of the JSON that do not belong to the request.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Unknown { get; init; }

    private string[] Chosen => What ?? [DomainEvents];

    public Dictionary<string, string[]> FindErrors()
    {
        var errors = RequestRules.FindUnknown(Unknown);
        foreach (var (name, unknown) in RequestRules.FindUnknown(Filter?.Unknown, "filter."))
        {
            errors[name] = unknown;
        }

        if (Filter is null or { IsEmpty: true })
        {
            errors["filter"] = ["needs at least one condition: type, job, from, to, late, origin or trace."];
        }

        if (new[] { Filter?.Type, Filter?.Job, Filter?.Trace }.Any(text => text?.Contains('\0') is true))
        {
            errors["filter"] = ["must not contain NUL."];
        }

        if (Filter?.Origin is not (null or Origins.Live or Origins.Reconcile or Origins.Replay))
        {
            errors["filter.origin"] = [$"must be one of {Origins.Live}, {Origins.Reconcile}, {Origins.Replay}."];
        }

        if (Chosen is [] || Chosen.Any(one => one is not (DomainEvents or Notifications)))
        {
            errors["what"] = [$"must be some of {DomainEvents}, {Notifications}."];
        }

        if (Identity is not (SameIds or NewIds))
        {
            errors["identity"] = [$"must be {SameIds} or {NewIds}."];
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

    /// <summary>The replay to store. Call it once there are no errors.</summary>
    public Replay ToReplay(string caller, DateTimeOffset now, long? total) => new()
    {
        Id = Guid.CreateVersion7(now),
        CreatedAt = now,
        CreatedBy = caller,
        Reason = Reason ?? "",
        Filter = Filter! with { To = Filter.To < now ? Filter.To : now },
        Events = Chosen.Contains(DomainEvents),
        Notifications = Chosen.Contains(Notifications),
        NewIds = Identity == NewIds,
        PerSecond = PerSecond,
        Total = total,
    };
}

/// <summary>How many events a replay would examine.</summary>
/// <param name="Total">Null when there are too many to count within the time limit.</param>
internal sealed record ReplayPreview(bool Preview, long? Total);

/// <summary>A replay and its progress.</summary>
/// <param name="Status"><c>running</c>, <c>completed</c>, <c>stopped</c> or <c>failed</c>.</param>
/// <param name="Total">Events chosen, counted at the start; null when there were too many to count.</param>
/// <param name="Published">Domain events published again.</param>
/// <param name="Notified">Notifications made due again.</param>
internal sealed record ReplayView(
    Guid Id,
    DateTimeOffset CreatedAt,
    string CreatedBy,
    string Reason,
    JsonElement Filter,
    IReadOnlyList<string> What,
    string Identity,
    int PerSecond,
    string Status,
    long? Total,
    long Examined,
    long Published,
    long Notified,
    DateTimeOffset? FinishedAt,
    string? Error)
{
    public static ReplayView From(Replay row) => new(
        row.Id,
        row.CreatedAt,
        row.CreatedBy,
        row.Reason,
        JsonElement.Parse(row.FilterText),
        [.. row.Events ? [ReplayRequest.DomainEvents] : Array.Empty<string>(), .. row.Notifications ? [ReplayRequest.Notifications] : Array.Empty<string>()],
        row.NewIds ? ReplayRequest.NewIds : ReplayRequest.SameIds,
        row.PerSecond,
        row.Status.Name(),
        row.Total,
        row.Examined,
        row.Published,
        row.Notified,
        row.FinishedAt,
        row.Error);
}
