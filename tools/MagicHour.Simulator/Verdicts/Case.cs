using Platform.Simulator.Storms;

namespace Platform.Simulator.Verdicts;

/// <summary>Everything known about one sent event, from its sender and from the tables.</summary>
internal sealed record Case(
    StormEvent Webhook, IReadOnlyList<Attempt> Attempts, IReadOnlyList<EventRow> Rows, IReadOnlyList<BodyRow> Bodies)
{
    public bool IsApplied => Rows.Count > 0;

    public IEnumerable<Attempt> Accepted => Attempts.Where(attempt => Webhook.IsAccepted(attempt.Status));

    /// <summary>Hashes of all bodies that were sent, whatever the outcome.</summary>
    public IEnumerable<string> SentHashes => Attempts.Select(HashOf).Distinct();

    public IEnumerable<string> AcceptedHashes => Accepted.Select(HashOf).Distinct();

    /// <summary>When the earliest recorded delivery was received.</summary>
    public DateTimeOffset RecordedAt => Rows.Select(row => row.ReceivedAt).Concat(Bodies.Select(body => body.ReceivedAt)).Min();

    /// <summary>Only one request can have delivered the event, so the tables record all of it.</summary>
    public bool IsRecordComplete => Attempts.Count(attempt => attempt.MayHaveHappened) == 1;

    /// <summary>
    /// The stored bodies, earliest first, in every order that the records allow. If several requests can have delivered a body, one may have been
    /// received before the recorded one; two bodies of the same microsecond may be in either order.
    /// </summary>
    public IEnumerable<PublishedEvent> PossibleNotifications()
    {
        var inOrder = Bodies.OrderBy(body => body.ReceivedAt).Where(body => Webhook.BodyHashes.Contains(body.Hash)).ToArray();
        return inOrder
            .Where(body => body.ReceivedAt == inOrder[0].ReceivedAt || Attempts.Count(attempt => attempt.MayHaveHappened && HashOf(attempt) == body.Hash) > 1)
            .Select(earliest => new PublishedEvent(Webhook.Type, [.. inOrder.OrderByDescending(body => body == earliest).Select(BytesOf)]));
    }

    public override string ToString() => $"{Webhook} ({Webhook.MessageId})";

    private string HashOf(Attempt attempt) => Webhook.BodyHashes[attempt.Body];

    private byte[] BytesOf(BodyRow body) => Webhook.Bodies[Webhook.BodyHashes.ToList().IndexOf(body.Hash)];
}
