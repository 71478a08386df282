using Platform.Simulator.Storms;

namespace Platform.Simulator.Verdicts;

/// <summary>All that is known of one event that was sent: by its sender, and by the tables.</summary>
internal sealed record Case(
    StormEvent Webhook, IReadOnlyList<Attempt> Attempts, IReadOnlyList<EventRow> Rows, IReadOnlyList<BodyRow> Bodies)
{
    public bool IsApplied => Rows.Count > 0;

    public IEnumerable<Attempt> Accepted => Attempts.Where(attempt => Webhook.IsAccepted(attempt.Status));

    /// <summary>Hashes of the bodies that were sent, whatever came of it.</summary>
    public IEnumerable<string> SentHashes => Attempts.Select(HashOf).Distinct();

    public IEnumerable<string> AcceptedHashes => Accepted.Select(HashOf).Distinct();

    /// <summary>When the earliest delivery that the tables tell of was received.</summary>
    public DateTimeOffset RecordedAt => Rows.Select(row => row.ReceivedAt).Concat(Bodies.Select(body => body.ReceivedAt)).Min();

    /// <summary>Only one request can have brought it, so what the tables tell of is all there was.</summary>
    public bool IsRecordComplete => Attempts.Count(attempt => attempt.MayHaveHappened) == 1;

    /// <summary>
    /// The bodies that are stored, the earliest first, in every order that the records allow: of a body that several requests can have
    /// brought, one may have been received before the one that was recorded; and of two in one microsecond, either.
    /// </summary>
    public IEnumerable<ToldEvent> PossibleTellings()
    {
        var inOrder = Bodies.OrderBy(body => body.ReceivedAt).Where(body => Webhook.BodyHashes.Contains(body.Hash)).ToArray();
        return inOrder
            .Where(body => body.ReceivedAt == inOrder[0].ReceivedAt || Attempts.Count(attempt => attempt.MayHaveHappened && HashOf(attempt) == body.Hash) > 1)
            .Select(earliest => new ToldEvent(Webhook.Type, [.. inOrder.OrderByDescending(body => body == earliest).Select(BytesOf)]));
    }

    public override string ToString() => $"{Webhook} ({Webhook.MessageId})";

    private string HashOf(Attempt attempt) => Webhook.BodyHashes[attempt.Body];

    private byte[] BytesOf(BodyRow body) => Webhook.Bodies[Webhook.BodyHashes.ToList().IndexOf(body.Hash)];
}
