using Platform.DevStack;

namespace Platform.Simulator.Verdicts;

/// <summary>How long to wait before judging, and evidence from outside the tables.</summary>
public sealed record VerdictOptions
{
    /// <summary>
    /// How long nothing may change before missing events count as lost. Longer than a worker's interval between two checks of an unavailable
    /// database (5 seconds at most). Default: 60 seconds.
    /// </summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// How long nothing may change before the storm counts as settled when nothing is missing: events that were never answered 2xx may still be
    /// in flight. Default: 2 seconds.
    /// </summary>
    public TimeSpan Calm { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How often a subscriber got each domain event, by message id. Null without a subscriber.</summary>
    public IReadOnlyDictionary<Guid, int>? DomainEvents { get; init; }

    /// <summary>
    /// Webhook notifications in order of arrival; may grow until the verdict. Null without a receiver: then only the stored notifications are
    /// judged.
    /// </summary>
    public IReadOnlyCollection<ReceivedWebhook>? Notified { get; init; }

    /// <summary>Entries of <see cref="Notified"/> that the receiver's own key does not verify; read when judging.</summary>
    public IEnumerable<ReceivedWebhook> Rejected { get; init; } = [];

    /// <summary>
    /// Jobs whose owners were registered with a webhook, confirmed by the broker. Null when unknown: then only stored registrations are
    /// judged.
    /// </summary>
    public IReadOnlyCollection<string>? Registered { get; init; }

    /// <summary>
    /// Whether a repeated domain event is acceptable: they are published at least once, and again when a worker crashes after publishing.
    /// </summary>
    public bool MayRepeatDomainEvents { get; init; } = true;
}

/// <summary>A count of findings with examples.</summary>
/// <param name="First">A few of them.</param>
public sealed record Finding(int Count, IReadOnlyList<string> First)
{
    private const int Shown = 5;

    internal static Finding From(IEnumerable<object> found)
    {
        var all = found.Select(one => $"{one}").ToArray();
        return new Finding(all.Length, [.. all.Take(Shown)]);
    }
}
