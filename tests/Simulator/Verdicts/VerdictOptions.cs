using Platform.LocalStack;

namespace Platform.Simulator.Verdicts;

/// <summary>How long to wait before judging, and what else is known.</summary>
public sealed record VerdictOptions
{
    /// <summary>
    /// How long nothing may move before what is missing counts as missing. Longer than a worker waits between two looks at a database
    /// that was away (5 seconds at most). Default: 60 seconds.
    /// </summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// How long nothing may move before all counts as done, when nothing is missing: what was never answered 2xx may still be on its way.
    /// Default: 2 seconds.
    /// </summary>
    public TimeSpan Calm { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How often a subscriber got each domain event, by its message id. Null when nobody listened.</summary>
    public IReadOnlyDictionary<Guid, int>? DomainEvents { get; init; }

    /// <summary>
    /// What owners were told by webhook, in the order in which it arrived; may grow until the verdict. Null when nobody listened: then only
    /// what was decided is judged.
    /// </summary>
    public IReadOnlyCollection<ReceivedWebhook>? Told { get; init; }

    /// <summary>
    /// Jobs whose owners were registered, to be told by webhook; the broker has confirmed it. Null when nobody knows: then only the
    /// registrations that are stored are judged.
    /// </summary>
    public IReadOnlyCollection<string>? Registered { get; init; }

    /// <summary>
    /// A domain event that came twice is no violation: they are published at least once, and again when a worker dies in between.
    /// </summary>
    public bool MayRepeatDomainEvents { get; init; } = true;
}

/// <summary>How often something was found.</summary>
/// <param name="First">A few of them.</param>
public sealed record Finding(int Count, IReadOnlyList<string> First)
{
    private const int Shown = 5;

    internal static Finding Of(IEnumerable<object> found)
    {
        var all = found.Select(one => $"{one}").ToArray();
        return new Finding(all.Length, [.. all.Take(Shown)]);
    }
}
