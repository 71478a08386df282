using System.Text.Json.Serialization;
using Platform.Simulator.Storms;

namespace Platform.Simulator.Verdicts;

/// <summary>
/// The result of a storm: the ledger, the tables and the queues joined by id. Independent of the code that it judges: it relies only on
/// <c>Contracts</c> and the tables.
/// </summary>
public sealed record Verdict
{
    /// <summary>Nothing was lost, doubled, invented or computed incorrectly.</summary>
    public bool IsClean => Lost.Count + Doubled.Count + Phantom.Count + Wrong.Count == 0;

    /// <summary>The platform has nothing left to do: events missing from the tables will not arrive.</summary>
    public required bool IsSettled { get; init; }

    /// <summary>Accepted, but not applied, quarantined, parked or in flight.</summary>
    public required Finding Lost { get; init; }

    /// <summary>Applied twice.</summary>
    public required Finding Doubled { get; init; }

    /// <summary>Applied but never validly signed.</summary>
    public required Finding Phantom { get; init; }

    /// <summary>Rows that do not match their events.</summary>
    public required Finding Wrong { get; init; }

    public required int Accepted { get; init; }

    public required int Applied { get; init; }

    public required int Quarantined { get; init; }

    /// <summary>In <c>webhook-received_error</c> or <c>webhook-received_skipped</c>.</summary>
    public required Finding Parked { get; init; }

    /// <summary>In <c>webhook-received_dead</c>.</summary>
    public required Finding Dead { get; init; }

    /// <summary>Still in <c>webhook-received</c>.</summary>
    public required Finding InFlight { get; init; }

    /// <summary>Domain events in the outbox.</summary>
    public required int Unpublished { get; init; }

    /// <summary>Number of notifications by status.</summary>
    public IReadOnlyDictionary<string, int> Notifications { get; init; } = new Dictionary<string, int>();

    /// <summary>Applied but never answered 2xx, so the sender cannot know. Not a failure.</summary>
    public required Finding Ghosts { get; init; }

    /// <summary>Accepted deliveries of events that had been accepted before. Not a failure.</summary>
    public required int Duplicates { get; init; }

    /// <summary>Events with the flag <c>late</c>. Not a failure.</summary>
    public required int Late { get; init; }

    /// <inheritdoc cref="JudgeAsync(Ledger, string, string, VerdictOptions, CancellationToken)"/>
    public static Task<Verdict> JudgeAsync(Ledger ledger, string postgres, string rabbitMq, CancellationToken cancellationToken) =>
        JudgeAsync(ledger, postgres, rabbitMq, new VerdictOptions(), cancellationToken);

    /// <summary>
    /// Waits while the platform makes progress, until it has nothing left to do, and judges. Several storms may share a database: only the jobs
    /// of this storm count.
    /// </summary>
    public static async Task<Verdict> JudgeAsync(
        Ledger ledger, string postgres, string rabbitMq, VerdictOptions options, CancellationToken cancellationToken)
    {
        await using var witness = await Witness.ConnectAsync(ledger, postgres, rabbitMq, options, cancellationToken);
        var isSettled = await witness.SettleAsync(cancellationToken);
        return new Judgement(ledger, await witness.LookAsync(cancellationToken), options).Judge(isSettled);
    }

    /// <summary>For people: the verdict, then the findings.</summary>
    [JsonIgnore]
    public IEnumerable<string> Lines =>
    [
        $"verdict    {(IsClean ? "clean" : "VIOLATED")}{(IsSettled ? "" : "; something is missing or still in flight")}",
        $"           lost {Lost.Count}, doubled {Doubled.Count}, phantom {Phantom.Count}, wrong {Wrong.Count}",
        $"           accepted {Accepted}: applied {Applied}, quarantined {Quarantined}, parked {Parked.Count}, dead {Dead.Count}, "
            + $"in flight {InFlight.Count}; ghosts among them {Ghosts.Count}",
        $"           {Duplicates} duplicates, {Late} late, {Unpublished} domain events unpublished",
        .. Notifications.Count > 0
            ? [$"           notifications {string.Join(", ", Notifications.Select(one => $"{one.Value} {one.Key}"))}"]
            : Array.Empty<string>(),
        .. Examples("lost", Lost),
        .. Examples("doubled", Doubled),
        .. Examples("phantom", Phantom),
        .. Examples("wrong", Wrong),
    ];

    private static IEnumerable<string> Examples(string name, Finding finding) => finding.First.Select(one => $"  {name,-8} {one}");
}
