using System.Text.Json;
using System.Text.Json.Serialization;
using Processor.Worker.Persistence;

namespace Processor.Worker.Events;

/// <summary>Chooses stored events. Every condition is optional, and all that are given apply.</summary>
internal sealed record EventFilter
{
    /// <summary>Such as <c>video.completed</c>.</summary>
    public string? Type { get; init; }

    /// <summary>The id of the job.</summary>
    public string? Job { get; init; }

    /// <summary>Received at this time or later.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>Received before this time.</summary>
    public DateTimeOffset? To { get; init; }

    /// <summary>True: only events that were signed long before they were received. False: only the others.</summary>
    public bool? Late { get; init; }

    /// <summary>One of <see cref="Platform.Contracts.Origins"/>.</summary>
    public string? Origin { get; init; }

    /// <summary>A trace id, 32 hex characters.</summary>
    public string? Trace { get; init; }

    /// <summary>Members of the JSON that are no filter.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Unknown { get; init; }

    [JsonIgnore]
    public bool IsEmpty => this with { Unknown = null } == new EventFilter();

    public void AddTo(Conditions conditions)
    {
        conditions.Add("event_type = {0}", Type);
        conditions.Add("job_id = {0}", Job);
        conditions.Add("received_at >= {0}", From);
        conditions.Add("received_at < {0}", To);
        conditions.Add("trace_id = {0}", Trace?.ToLowerInvariant());
        // Without parameters, so that the planner recognises the conditions of the partial indexes.
        if (Late is { } late)
        {
            conditions.Add(late ? "late" : "not late");
        }

        if (Origin is Platform.Contracts.Origins.Live)
        {
            conditions.Add("origin = 'live'");
        }
        else if (Origin is not null)
        {
            conditions.Add("origin <> 'live'");
            conditions.Add("origin = {0}", Origin);
        }
    }
}
